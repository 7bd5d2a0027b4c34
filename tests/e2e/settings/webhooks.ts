import { eventually } from "../../waiting.ts";
import type { ServerUnderTest } from "../server.ts";
import { WebhookReceiver } from "../webhook-receiver.ts";
import { apiKey, asKey, publish, type SettingsGroup } from "./setting.ts";

let receiver: WebhookReceiver;

/** The metrics about webhooks: `webhooks_sent_total` is `sent`. */
async function countsOf(server: ServerUnderTest) {
  const answer = await server.request("GET", "/metrics", undefined, asKey);
  const metrics = (await answer.json()) as Readonly<Record<string, number>>;
  const count = (name: string) => metrics[`webhooks_${name}`] ?? 0;
  return {
    made: count("waiting") + count("sent_total") + count("dropped_total"),
    waiting: count("waiting"),
    failures: count("failures_total"),
    dropped: count("dropped_total"),
  };
}

/** How many webhooks a publication makes, whatever becomes of them. */
async function madeBy(server: ServerUnderTest, channel: string): Promise<number> {
  const before = await countsOf(server);
  await publish(server, { channel, message: "m" }, asKey);
  return (await countsOf(server)).made - before.made;
}

const noReceiver = "the server without these settings sends no webhooks";

/** An application that is told what happens. */
export const webhooksGroup: SettingsGroup = {
  name: "webhooks",
  base: { API_KEY: apiKey, ANONYMOUS: "on", HOOK_PRIVATE_ADDRESSES: "on" },
  prepare: async (stack) => {
    receiver = stack.use(new WebhookReceiver());
    return { env: receiver.env };
  },
  settings: {
    webhookUrl: { observe: (it) => madeBy(it, "news:1"), expected: 1 },
    // By default publications are none of the events.
    webhookEvents: { value: "published", observe: (it) => madeBy(it, "news:1"), expected: 1 },
    webhookChannels: {
      value: "news:*",
      observe: async (it) => [await madeBy(it, "news:1"), await madeBy(it, "other")],
      expected: [1, 0],
    },
    webhookQueueBytes: {
      value: "20KiB",
      observe: async (it) => {
        await publish(it, { channel: "news:1", message: "x".repeat(30_000) }, asKey);
        return (await countsOf(it)).dropped;
      },
      expected: 1,
    },
    webhookQueueSize: {
      value: "3",
      observe: async (it) => {
        receiver.failures = 1000;
        for (let count = 0; count < 6; count++) await publish(it, { channel: "news:1", message: "m" }, asKey);
        return (await countsOf(it)).waiting;
      },
      expected: 3,
    },
    // The three are still waiting.
    webhookRetryTime: {
      value: "1s",
      observe: (it) => eventually(async () => expectEqual((await countsOf(it)).waiting, 0)),
      expected: undefined,
      hasNoControl: noReceiver,
    },
    webhookTimeout: {
      value: "1500ms",
      observe: async (it) => {
        receiver.hangs = true;
        const { failures } = await countsOf(it);
        await publish(it, { channel: "news:1", message: "m" }, asKey);
        await eventually(async () => expectEqual((await countsOf(it)).failures > failures, true));
      },
      expected: undefined,
      hasNoControl: noReceiver,
    },
  },
};

function expectEqual<T>(value: T, expected: T): void {
  if (value !== expected) throw new Error(`expected ${expected}, got ${value}`);
}
