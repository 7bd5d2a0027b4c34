import { fc } from "../property.ts";

/** Where a subscription starts. `known` is a position from a publisher's answer, which may not have been delivered yet. */
export type Start = "live" | "earliest" | "last" | "known" | "foreign";

/** One thing that happens in a run. */
export type Step =
  | {
      readonly do: "publish";
      readonly channel: string;
      readonly event: string;
      /** The index of the client that is excluded. With an index past the last client, no one is. */
      readonly exclude: number;
      readonly ephemeral: boolean;
    }
  | { readonly do: "flush" | "hold" | "letGo" | "break" | "forget" }
  | { readonly do: "lose" | "double" | "fail"; readonly count: number }
  /** Lets microtasks run. */
  | { readonly do: "turns"; readonly count: number }
  | { readonly do: "move" | "late"; readonly ms: number }
  | { readonly do: "leave" | "stall" | "resume" | "progress"; readonly client: number }
  | {
      readonly do: "connect";
      readonly client: number;
      readonly how: "fresh" | "resume" | "takeOver";
      readonly channels: readonly string[];
    }
  | { readonly do: "subscribe"; readonly client: number; readonly channel: string; readonly since: Start }
  | { readonly do: "unsubscribe"; readonly client: number; readonly channel: string }
  | {
      readonly do: "send";
      readonly client: number;
      readonly channel: string;
      readonly event: string;
      readonly echo: boolean;
    };

export interface Run {
  readonly setting: {
    readonly historySize: number;
    readonly historyTtl: number;
    readonly tailBytes: number;
    readonly notices: boolean;
  };
  readonly steps: readonly Step[];
}

const client = fc.nat(3);
const room = fc.constantFrom("room:a", "room:b");
const anyChannel = fc.constantFrom("all", "room:a", "room:a", "room:b", "@u1");
const own = fc.constantFrom("all", "room:a", "room:b");
const event = fc.nat(400).map((number) => `event-${number}`);
const start = fc.constantFrom<Start>("live", "earliest", "last", "known", "foreign");

const publish = fc.record({
  do: fc.constant("publish" as const),
  channel: anyChannel,
  event,
  exclude: fc.nat(20),
  ephemeral: fc.nat(9).map((dice) => dice === 0),
});

/** Steps for any broker: publishers, clients that connect, disconnect and stall, and time that passes. */
const usual = [
  { weight: 12, arbitrary: publish },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("turns" as const), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("move" as const), ms: fc.constantFrom(0, 1, 5, 30) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("connect" as const),
      client,
      how: fc.constantFrom("fresh" as const, "resume" as const, "resume" as const, "takeOver" as const),
      channels: fc.uniqueArray(room, { maxLength: 2 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("subscribe" as const), client, channel: own, since: start }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unsubscribe" as const), client, channel: own }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("send" as const), client, channel: own, event, echo: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("stall" as const, "resume" as const), client }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("progress" as const), client }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), client }) },
];

/** Additional steps for an unreliable broker. */
const unreliable = [
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("lose" as const, "double" as const, "fail" as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("hold" as const, "letGo" as const, "break" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("late" as const), ms: fc.constantFrom(0, 1, 7) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("move" as const), ms: fc.constantFrom(200, 5000, 11_000) }) },
];

/** Generates runs of 20 to 150 steps. @param reliability of the broker @param history how much of it is kept */
export function runs(reliability: "reliable" | "unreliable", history: "long" | "short"): fc.Arbitrary<Run> {
  const setting = fc.record({
    historySize: history === "long" ? fc.constant(1_000_000) : fc.constantFrom(0, 1, 3, 10),
    historyTtl: history === "long" ? fc.constant(300_000) : fc.constantFrom(20, 300_000),
    // From "keeps only one" to "keeps all".
    tailBytes: fc.constantFrom(0, 700, 1_000_000),
    notices: fc.boolean(),
  });
  const step: fc.Arbitrary<Step> = fc.oneof(...usual, ...(reliability === "reliable" ? [] : unreliable));
  return fc.record({ setting, steps: fc.array(step, { minLength: 20, maxLength: 150, size: "max" }) });
}
