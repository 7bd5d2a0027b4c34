import { expect, test } from "bun:test";
import { decodeServerFrames } from "../protocol/client-codec.ts";
import { isFinal } from "../protocol/close-codes.ts";
import { ScriptedEnvironment, type ScriptedSocket } from "../tests/client/scripted-environment.ts";
import { fc } from "../tests/property.ts";

const channels = ["room", "all", "__proto__", "constructor"];
const anything = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom("no end", -1, 2 ** 53, "", "room", "e", null, [], {}, "constructor", "__proto__"),
);
/** Frames of known types whose members are right, wrong or missing. */
const frame = fc
  .record(
    {
      type: fc.constantFrom(
        ...[
          "system",
          "message",
          "advance",
          "ack",
          "error",
          "history",
          "presence",
          "subscribed",
          "unsubscribed",
          "pong",
        ],
      ),
      event: fc.oneof(fc.constantFrom("welcome", "draining", "gap", "joined", "closing"), anything),
      channel: fc.oneof(fc.constantFrom(...channels), anything),
      ref: fc.oneof(fc.nat(8), anything),
      code: fc.oneof(fc.constantFrom("rate-limited", "forbidden", "broker-unavailable", "constructor"), anything),
      offset: fc.oneof(fc.nat(20), anything),
      from: fc.oneof(fc.nat(20), anything),
      to: fc.oneof(fc.nat(20), anything),
      epoch: fc.oneof(fc.constantFrom("e", "f"), anything),
      reason: anything,
      channels: fc.oneof(fc.constant({}), anything),
      limits: fc.oneof(fc.constant({ max_message_bytes: 1000, message_rate: 10 }), anything),
      reconnect_after_ms: fc.oneof(fc.nat(1000), anything),
      retry_after_ms: fc.oneof(fc.nat(1000), anything),
      ping_interval_ms: anything,
      successor: fc.boolean(),
    },
    { requiredKeys: ["type"] },
  )
  .map((it) => JSON.stringify(it).replaceAll('"no end"', "1e999"));
const text = fc.oneof(
  { weight: 6, arbitrary: frame },
  fc.array(frame).map((all) => `[${all.join()}]`),
  fc.json(),
  fc.string(),
);
const code = fc.oneof(
  fc.constantFrom(1000, 1001, 1006, 1011, 1012, 4008, 4010, 4029, 4053),
  fc.integer({ min: 3000, max: 4499 }),
);
const step = fc.oneof(
  { weight: 6, arbitrary: text.map((sent) => ({ sent })) },
  { weight: 2, arbitrary: fc.constant({ welcome: true }) },
  { weight: 2, arbitrary: code.map((end) => ({ end })) },
  { weight: 2, arbitrary: fc.nat(30_000).map((wait) => ({ wait })) },
);

test("any input: nothing throws, loops or stops the client, and every promise settles", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const environment = Object.assign(new ScriptedEnvironment(), { random: () => 0 });
      const client = environment.client({ transports: ["websocket"] });
      for (const name of channels) client.channel(name, { since: "earliest" }).on("message", () => {});
      const asked = [1, 2].flatMap((data) => [
        client.channel("room").publish(data),
        client.channel("room").history(),
        client.say("Hi"),
      ]);
      const settled = Promise.allSettled(asked);
      let passedMs = 0;
      for (const it of steps) {
        const socket = environment.sockets.findLast((one): one is ScriptedSocket => !one.isClosed && !one.hasEnded);
        // Calls the handlers as the transport does. A throw fails the test.
        if ("sent" in it) socket?.deliver(...decodeServerFrames(it.sent));
        if ("welcome" in it) socket?.welcome();
        if ("end" in it && !isFinal(it.end)) socket?.end(it.end);
        const ms = "wait" in it ? it.wait : 20;
        passedMs += ms;
        await environment.move(ms);
      }
      expect(client.state.status).not.toBe("closed");
      // All waits are at their minimum: 50 ms, then doubling. Each step can break one connection and open one more.
      expect(environment.sockets.length).toBeLessThanOrEqual(2 + 2 * steps.length + passedMs / 500);
      client.close();
      await settled; // Fails by test timeout if a promise never settles.
      await environment.move(0);
      expect(environment.clock.pending).toBe(0);
      expect(environment.sockets.every(({ isClosed, hasEnded }) => isClosed || hasEnded)).toBe(true);
    }),
    { numRuns: 400 },
  );
});
