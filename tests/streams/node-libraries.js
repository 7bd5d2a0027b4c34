// One client of each SSE library for Node, all on the same stream. Run by Node, not by Bun, which replaces some of them:
//   node tests/streams/node-libraries.js http://127.0.0.1:8000/sse?channel=room
// Prints a line of JSON for each event that a library fires. Ends when its input ends.
import { createRequire } from "node:module";
import { createEventSource } from "eventsource-client";
import { createParser } from "eventsource-parser";
import { EventSource as EventSource3 } from "eventsource3";
import { EventSource as EventSource4 } from "eventsource4";
import { EventSource as UndiciEventSource } from "undici";

const require = createRequire(import.meta.url);
const EventSource2 = require("eventsource2");
const { EventSource: LaunchDarklyEventSource } = require("launchdarkly-eventsource");

const url = process.argv[2] ?? "";

/** @param {string} library */
const reporter = (library) => ({
  /** @param {{ data?: unknown }} event */
  received: ({ data }) => print({ library, data: typeof data === "string" ? data : "" }),
  opened: () => print({ library, opened: true }),
  /** @param {unknown} isClosed */
  failed: (isClosed) => print({ library, closed: isClosed === true }),
});

/** @param {object} record */
function print(record) {
  process.stdout.write(`${JSON.stringify(record)}\n`);
}

/** @type {Record<string, () => EventTarget & { readyState: number }>} */
const eventSources = {
  "eventsource 2": () => new EventSource2(url),
  "eventsource 3": () => /** @type {any} */ (new EventSource3(url)),
  "eventsource 4": () => /** @type {any} */ (new EventSource4(url)),
  // Its own default is the 5 s of Node's HTTP agent, which is shorter than the 15 s between two comments.
  "launchdarkly-eventsource": () => new LaunchDarklyEventSource(url, { readTimeoutMillis: 60_000 }),
  undici: () => /** @type {any} */ (new UndiciEventSource(url)),
};

for (const [library, open] of Object.entries(eventSources)) {
  const { received, opened, failed } = reporter(library);
  const source = open();
  source.addEventListener("open", opened);
  source.addEventListener("error", () => failed(source.readyState === 2));
  for (const name of ["message", "price"])
    source.addEventListener(name, (event) => received(/** @type {any} */ (event)));
}

const client = reporter("eventsource-client");
createEventSource({
  url,
  onConnect: client.opened,
  onDisconnect: () => client.failed(false),
  onMessage: (event) => event.event !== "system" && client.received(event),
});

/** A parser is not a client. The rest is done here, as its documentation shows. */
async function followWithParser() {
  const { received, opened, failed } = reporter("eventsource-parser");
  let lastEventId = "";
  let retryMs = 1000;
  const parser = createParser({
    onEvent(event) {
      if (event.id !== undefined) lastEventId = event.id;
      if (event.event !== "system") received(event);
    },
    onRetry(ms) {
      retryMs = ms;
    },
  });
  for (;;) {
    try {
      const headers = lastEventId === "" ? {} : { "Last-Event-ID": lastEventId };
      const response = await fetch(url, { headers: { Accept: "text/event-stream", ...headers } });
      opened();
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }));
    } catch {
      // Cut: it reconnects as after an end.
    }
    parser.reset();
    failed(false);
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}
void followWithParser();

process.stdin.on("end", () => process.exit(0)).resume();
