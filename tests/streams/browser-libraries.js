// One client of each SSE library for browsers, and the browser's own EventSource, all on the stream that the page's address
// names. Bundled and run in Chromium by libraries.test.ts, which reads `window.records`.
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { EventSourcePolyfill } from "event-source-polyfill";
import ReconnectingEventSource from "reconnecting-eventsource";
import { SSE } from "sse.js";

const url = new URLSearchParams(location.search).get("stream") ?? "";
/** @type {object[]} */
const records = [];
Object.assign(window, { records });

/** @param {string} library */
const reporter = (library) => ({
  /** @param {{ data?: unknown }} event */
  received: ({ data }) => records.push({ library, data: typeof data === "string" ? data : "" }),
  opened: () => records.push({ library, opened: true }),
  /** @param {unknown} isClosed */
  failed: (isClosed) => records.push({ library, closed: isClosed === true }),
});

/** @type {Record<string, () => EventTarget & { readyState: number }>} */
const eventSources = {
  "Chromium's EventSource": () => new EventSource(url),
  "event-source-polyfill": () => new EventSourcePolyfill(url),
  "reconnecting-eventsource": () => /** @type {any} */ (new ReconnectingEventSource(url)),
  "sse.js": () => new SSE(url, { autoReconnect: true }),
};

for (const [library, open] of Object.entries(eventSources)) {
  const { received, opened, failed } = reporter(library);
  const source = open();
  source.addEventListener("open", opened);
  // Those that reconnect by themselves say "closed" in between.
  source.addEventListener("error", () => failed(library === "Chromium's EventSource" && source.readyState === 2));
  for (const name of ["message", "price"])
    source.addEventListener(name, (event) => received(/** @type {any} */ (event)));
}

const { received, opened, failed } = reporter("fetch-event-source");
void fetchEventSource(url, {
  openWhenHidden: true,
  onopen: async () => void opened(),
  onmessage: (event) => {
    // A `retry:` or an id without data reaches its user as an event without data.
    if (event.event !== "system") received(event);
  },
  onclose: () => {
    failed(false);
    throw new Error("ended"); // its documentation's way to reconnect after an end
  },
});
