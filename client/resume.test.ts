import { expect, test } from "bun:test";
import { ModelServer } from "../tests/client/model-server.ts";
import { ScriptedEnvironment } from "../tests/client/scripted-environment.ts";
import { fc } from "../tests/property.ts";

type Step = "publish" | "accept" | "serve one" | "serve all" | "cut" | "drain" | "wait" | "leave and rejoin";

const step = fc.constantFrom<Step>(
  "publish",
  "publish",
  "publish",
  "accept",
  "accept",
  "serve one",
  "serve all",
  "cut",
  "drain",
  "wait",
  "leave and rejoin",
);

test.each([
  ["websocket", 1000],
  ["websocket", 3],
  ["sse", 1000],
  ["sse", 3],
] as const)(
  "over %s, with %d messages of history, and any failures: each message arrives once, in order, or is reported in a gap",
  async (transport, keep) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
        const { seen, gaps, top } = await play(transport, keep, steps);
        expect(seen).toEqual(Array.from({ length: top }, (_, index) => index + 1));
        if (keep === 1000) expect(gaps).toBe(0);
      }),
      { numRuns: 150 },
    );
  },
);

/** @returns the offsets that were delivered or reported as missing, in order */
async function play(transport: "websocket" | "sse", keep: number, steps: readonly Step[]) {
  const environment = new ScriptedEnvironment();
  const server = new ModelServer(environment, keep);
  const client = environment.client({ transports: [transport] });
  const room = client.channel(server.channel, { since: { epoch: "e", offset: 0 } });
  const seen: number[] = [];
  let gaps = 0;
  const listen = () => room.on("message", ({ offset = 0 }) => void seen.push(offset));
  room.on("gap", ({ from, to }) => {
    gaps++;
    for (let offset = from; offset <= to; offset++) seen.push(offset);
  });
  let off = listen();
  for (const it of steps) {
    if (it === "publish") server.publish();
    else if (it === "accept") server.accept();
    else if (it === "serve one") server.serve(1);
    else if (it === "serve all") server.serve(Number.POSITIVE_INFINITY);
    else if (it === "cut") server.cut();
    else if (it === "drain") server.drain();
    else if (it === "leave and rejoin") {
      off();
      off = listen();
    }
    await environment.move(it === "wait" ? 1000 : 0);
  }
  for (let rounds = 0; rounds < 4; rounds++) {
    await environment.untilNextTry(client);
    server.accept();
    await environment.move(0);
    server.serve(Number.POSITIVE_INFINITY);
    await environment.move(200);
  }
  client.close();
  return { seen, gaps, top: server.top };
}
