import { expect, test } from "bun:test";
import { BrowserUnderTest } from "../e2e/browser.ts";
import { Relay } from "../e2e/relay.ts";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { testIf } from "../test-if.ts";
import { defaultTimeoutMs } from "../waiting.ts";
import { BrowserLibraries } from "./browser-libraries.ts";
import { type LibraryEvent, type LibraryRecord, recordsOf } from "./library-record.ts";
import { NodeLibraries } from "./node-libraries.ts";

/** The libraries that follow the stream. */
const libraries = [
  "Chromium's EventSource",
  "event-source-polyfill",
  "eventsource 2",
  "eventsource 3",
  "eventsource 4",
  "eventsource-client",
  "eventsource-parser",
  "fetch-event-source",
  "launchdarkly-eventsource",
  "reconnecting-eventsource",
  "sse.js",
  "undici",
];

/** All libraries on one stream of a server, behind a network that can break. */
class LibraryRun implements AsyncDisposable {
  sent = 0;
  /** Past it, the comparison with the expected result shows what is missing. */
  readonly #until = performance.now() + defaultTimeoutMs;
  readonly #opened = new AsyncDisposableStack();
  readonly #server: ServerUnderTest;
  readonly #relay: Relay;
  readonly #node: NodeLibraries;
  readonly #browser: BrowserLibraries;

  private constructor(server: ServerUnderTest, relay: Relay, node: NodeLibraries, browser: BrowserLibraries) {
    this.#server = this.#opened.use(server);
    this.#relay = this.#opened.use(relay);
    this.#node = this.#opened.use(node);
    this.#browser = this.#opened.use(browser);
  }

  /** Resolves once all libraries are connected. */
  static async start(chromium: BrowserUnderTest, env: Readonly<Record<string, string>>): Promise<LibraryRun> {
    const server = await startServer({ env: { NOTICES: "off", ...env } });
    const relay = await Relay.to(server.port);
    const stream = `${relay.url}/sse?channel=room`;
    const run = new LibraryRun(
      server,
      relay,
      new NodeLibraries(stream),
      await BrowserLibraries.start(chromium, stream),
    );
    await run.until((all) => all.filter(({ connects }) => connects > 0).length === libraries.length);
    return run;
  }

  async publish(count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      const event = ++this.sent % 5 === 0 ? { event: "price" } : {};
      const body = { channel: "room", data: { number: this.sent }, ...event };
      expect(await (await this.#server.request("POST", "/v1/publish", body)).json()).toMatchObject({
        offset: this.sent,
      });
    }
  }

  async records(): Promise<readonly LibraryRecord[]> {
    return recordsOf([...(await this.#node.events()), ...(await this.#browser.events())], this.sent);
  }

  /** @param meanwhile what to do until then */
  async until(
    isDone: (all: readonly LibraryRecord[]) => boolean,
    meanwhile: () => Promise<void> = () => Bun.sleep(20),
  ): Promise<void> {
    while (!isDone(await this.records()) && performance.now() < this.#until) await meanwhile();
  }

  untilAllHaveAll(): Promise<void> {
    return this.until((all) => all.filter(({ lost }) => lost === 0).length === libraries.length);
  }

  /** Breaks all connections without closing them. */
  cut(): void {
    this.#relay.cut();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

const flawless = libraries.map((library) => ({ library, lost: 0, doubled: 0, empty: 0, hasGivenUp: false }));
const flawsOf = (records: readonly LibraryRecord[]) => records.map(({ connects: _, ...flaws }) => flaws);

test("no SSE library loses a message, receives one twice or fires an empty event, however often it reconnects", async () => {
  await using chromium = await BrowserUnderTest.start();
  // Each stream ends after 0.8 to 1 s, in the middle of the messages.
  await using run = await LibraryRun.start(chromium, { STREAM_LIFETIME: "1s" });
  for (let connects = 2; connects <= 4; connects++) {
    await run.until(
      (all) => all.every((it) => it.connects >= connects),
      () => run.publish(5),
    );
    await run.untilAllHaveAll();
  }
  run.cut();
  await run.publish(20);
  await run.untilAllHaveAll();
  expect(flawsOf(await run.records())).toEqual(flawless);
  expect((await run.records()).every(({ connects }) => connects >= 4)).toBe(true);
});

testIf(process.env.FANFARE_LONG === "1", "it takes 20 s: npm test -- --long")(
  "no SSE library fires an event for a comment, or misses the message after it (a comment is sent after 15 s)",
  async () => {
    await using chromium = await BrowserUnderTest.start();
    await using run = await LibraryRun.start(chromium, {});
    await Bun.sleep(17_000); // The test is about silence.
    await run.publish(5);
    await run.untilAllHaveAll();
    expect(await run.records()).toEqual(flawless.map((it) => ({ ...it, connects: 1 })));
  },
);

test("the table counts lost, duplicated and empty events", () => {
  const of = (library: string, ...data: readonly string[]): LibraryEvent[] => data.map((it) => ({ library, data: it }));
  const message = (offset: number) => JSON.stringify({ type: "message", offset });
  const events = [...of("b", message(1), message(2), message(2)), ...of("a", message(1), "", message(3))];
  expect(recordsOf([...events, { library: "a", opened: true }, { library: "a", closed: true }], 3)).toEqual([
    { library: "a", connects: 1, lost: 1, doubled: 0, empty: 1, hasGivenUp: true },
    { library: "b", connects: 0, lost: 1, doubled: 1, empty: 0, hasGivenUp: false },
  ]);
});
