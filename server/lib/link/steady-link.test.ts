import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Timer } from "../clock.ts";
import { MovedClock } from "../moved-clock.ts";
import type { Link, LinkSettings } from "./link.ts";
import { makeSocketPath, removeSocketPath } from "./socket-path.ts";
import { type LinkListener, listenForLinks } from "./sockets.ts";
import { SteadyLink } from "./steady-link.ts";

const beatMs = 60_000;
const settings: LinkSettings = { protocol: "test/1", name: "somebody", beatMs };

/** The listening side. It can be started, and can drop its links. */
class Host {
  readonly path = makeSocketPath("test");
  readonly links: Link[] = [];
  readonly received = Promise.withResolvers<string>();
  #listener: LinkListener | undefined;
  #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();

  start(protocol = "test/1"): void {
    this.#listener = listenForLinks(this.path, { ...settings, protocol }, (link) => ({
      onOpen: () => {
        this.links.push(link);
        this.#opened.resolve();
      },
      onText: (text) => this.received.resolve(text),
      onClose: () => this.#closed.resolve(),
    }));
  }

  /** A link was closed, by either side. */
  async closed(): Promise<void> {
    await this.#closed.promise;
  }

  /** One more link is open on this side too. */
  async linked(): Promise<void> {
    await this.#opened.promise;
    this.#opened = Promise.withResolvers();
  }

  stop(): void {
    this.#listener?.close();
    for (const link of this.links.splice(0)) link.cut("stopped");
  }
}

/** Records the wait before each attempt. The beats of the links are further apart than any wait. */
class WaitClock extends MovedClock {
  readonly waits: number[] = [];

  override setTimeout(run: () => void, ms: number): Timer {
    if (ms < beatMs / 2) this.waits.push(ms); // the heartbeat waits for half a period or longer
    return super.setTimeout(run, ms);
  }
}

let host: Host;
let steady: SteadyLink | undefined;

beforeEach(() => {
  host = new Host();
});

afterEach(async () => {
  await steady?.close();
  host.stop();
  removeSocketPath(host.path);
});

/** A steady link to the host, and its history as strings. */
function startSteady(clock = new MovedClock()) {
  const story: string[] = [];
  const waiters: (() => void)[] = [];
  const record = (word: string) => {
    story.push(word);
    for (const wake of waiters.splice(0)) wake();
  };
  steady = new SteadyLink(
    { ...settings, path: host.path, clock },
    {
      onOpen: () => record("open"),
      onText: (text) => record(text),
      onBreak: ({ reason }) => record(`broken: ${reason}`),
      onFailure: ({ reason, isRefusal }) => record(isRefusal ? `refused: ${reason}` : "failed"),
    },
  );
  steady.start();
  const until = async (count: number) => {
    while (story.length < count) await new Promise<void>((resolve) => waiters.push(resolve));
    return story;
  };
  /** Lets the next attempt start. */
  const retry = () => clock.move(1000);
  return { link: steady, story, until, retry };
}

describe("a steady link", () => {
  test("reconnects after the other side was away for a while", async () => {
    host.start();
    const { link, until, retry } = startSteady();
    await until(1);
    await host.linked();
    host.stop();
    await until(2);
    expect(link.link).toBeUndefined();
    retry();
    await until(3);
    host.start();
    retry();
    expect(await until(4)).toEqual(["open", "broken: it closed the link", "failed", "open"]);
    link.link?.send("here again");
    await link.close();
    expect(await host.received.promise).toBe("here again");
  });

  test("keeps trying if the other side is not there at first", async () => {
    const { until, retry } = startSteady();
    await until(1);
    retry();
    await until(2);
    host.start();
    retry();
    expect(await until(3)).toEqual(["failed", "failed", "open"]);
  });

  test("gives up once it is refused, since a different version stays different", async () => {
    host.start("test/2");
    const clock = new MovedClock();
    const { until, story } = startSteady(clock);
    await until(1);
    await clock.moveInSteps(10_000, 500);
    expect(story).toEqual(["refused: it uses test/2, this side uses test/1"]);
  });

  test("backs off while each link breaks as soon as it is open", async () => {
    host.start();
    const clock = new WaitClock();
    const { until } = startSteady(clock);
    for (let count = 1; count <= 8; count++) {
      await until(count * 2 - 1);
      await host.linked();
      host.links.at(-1)?.cut("again");
      await until(count * 2);
      clock.move(1000);
    }
    for (const [index, most] of [20, 40, 80, 160, 320, 640, 1000, 1000].entries()) {
      expect(clock.waits[index]).toBeWithin(most / 2, most + 1);
    }
  });

  test.each([
    [4999, 40],
    [5000, 20],
  ])("that broke at once and then lasted %d ms waits at most %d ms", async (lastedMs, most) => {
    host.start();
    const clock = new WaitClock();
    const { until } = startSteady(clock);
    for (const [count, ageMs] of [0, lastedMs].entries()) {
      await until(count * 2 + 1);
      await host.linked();
      clock.move(ageMs);
      host.links.at(-1)?.cut("again");
      await until(count * 2 + 2);
      clock.move(1000);
    }
    expect(clock.waits[1]).toBeWithin(most / 2, most + 1);
  });
});

describe("closing a steady link", () => {
  test("that is open closes it for the other side too, and does not reconnect", async () => {
    host.start();
    const clock = new WaitClock();
    const { link, story, until } = startSteady(clock);
    await until(1);
    await host.linked();
    await link.close();
    await host.closed();
    expect([await until(2), clock.waits]).toEqual([["open", "broken: closed by this side"], []]);
    await clock.moveInSteps(2000, 500);
    expect(story).toHaveLength(2);
  });

  test("that waits for its next attempt ends the wait", async () => {
    const clock = new WaitClock();
    const { link, until } = startSteady(clock);
    await until(1);
    expect(clock.pending).toBe(1);
    await link.close();
    expect(clock.pending).toBe(0);
  });

  test.each([
    ["is connecting", false],
    ["waits for the other side's greeting", true],
  ])("that %s leaves no connection open, and reports nothing", async (_, isReached) => {
    const reached = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    // Accepts connections and sends nothing.
    const silent = Bun.listen({
      unix: host.path,
      socket: { open: () => reached.resolve(), data: () => undefined, close: () => left.resolve() },
    });
    const { link, story } = startSteady(new WaitClock());
    if (isReached) await reached.promise;
    const closing = link.close();
    await left.promise;
    await closing;
    silent.stop(true);
    expect(story).toEqual([]);
  });
});
