import { floods } from "../../tests/e2e/floods.ts";

/** Starts a flood. It runs in a separate thread, because it would otherwise delay the healthy users itself. */
export interface FloodRequest {
  readonly name: string;
  readonly url: string;
}

/** Sent once each: when the first step is done, and when the flood has met its limit. */
export type FloodProgress = "begun" | "met";

declare const self: Worker;

self.onmessage = async ({ data: { name, url } }: MessageEvent<FloodRequest>) => {
  const flood = floods.find((it) => it.name === name);
  if (flood === undefined) throw new Error(`there is no flood "${name}"`);
  const server = {
    wsUrl: `${url.replace("http", "ws")}/ws`,
    request: (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
      fetch(`${url}${path}`, {
        method,
        headers: { "Content-Type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
  const report = (progress: FloodProgress) => self.postMessage(progress);
  let hasMet = false;
  // Until the bench terminates the thread.
  for (let at = 0; ; at++) {
    const isMet = (await flood.step(server, at)).includes(flood.met);
    if (at === 0) report("begun");
    if (isMet && !hasMet) report("met");
    hasMet ||= isMet;
  }
};
