import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const cookbook = readFileSync(join(import.meta.dir, "..", "..", "docs", "cookbook.md"), "utf8");
const script = /## An offline banner.*?<script>\n(.*?)<\/script>/s.exec(cookbook)?.[1] ?? "";

/** Runs the recipe with a banner, a client and timers of the test. */
function run() {
  const banner = { hidden: true, textContent: "" };
  const timers = new Map<number, { readonly at: number; readonly run: () => void }>();
  let [now, ids] = [0, 0];
  let report = (_: { readonly status: string }): void => {};
  const client = {
    on(_: string, handler: typeof report): void {
      report = handler;
    },
  };
  new Function("document", "Fanfare", "setTimeout", "clearTimeout", script)(
    { getElementById: () => banner },
    { createClient: () => client },
    (run: () => void, ms: number) => {
      timers.set(++ids, { at: now + ms, run });
      return ids;
    },
    (id: number) => timers.delete(id),
  );
  return {
    banner,
    state: (status: string) => report({ status }),
    move(ms: number): void {
      now += ms;
      for (const [id, { at, run }] of timers) {
        if (at > now || !timers.delete(id)) continue;
        run();
      }
    },
  };
}

test("the banner appears a second after the connection was lost, however often the client tries meanwhile", () => {
  const { banner, state, move } = run();
  state("connecting");
  state("connected");
  for (let attempt = 0; attempt < 9; attempt++) {
    state("reconnecting");
    move(100);
  }
  expect(banner.hidden).toBe(true);
  state("reconnecting");
  move(100);
  expect(banner).toEqual({ hidden: false, textContent: "The connection was lost. Reconnecting…" });
  state("offline");
  expect(banner).toEqual({ hidden: false, textContent: "You are offline." });
  state("connected");
  expect(banner.hidden).toBe(true);
});

test("the banner stays away if the client reconnects within a second, and appears at once if it gives up", () => {
  const { banner, state, move } = run();
  state("reconnecting");
  move(900);
  state("connected");
  state("reconnecting");
  move(900);
  expect(banner.hidden).toBe(true);
  state("closed");
  expect(banner).toEqual({ hidden: false, textContent: "You were disconnected. Reload the page." });
});
