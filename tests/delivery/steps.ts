import { fc } from "../property.ts";

/** From where a subscription begins: `known` is a position from a publisher's answer, perhaps not delivered yet. */
export type Start = "live" | "earliest" | "last" | "known" | "foreign";

/** One thing that happens in a run. */
export type Step =
  | {
      readonly do: "publish";
      readonly channel: string;
      readonly event: string;
      /** The client that is left out; beyond them all: nobody. */
      readonly exclude: number;
      readonly ephemeral: boolean;
    }
  | { readonly do: "flush" | "hold" | "letGo" | "break" | "forget" }
  | { readonly do: "lose" | "double" | "fail"; readonly count: number }
  /** Microtasks pass. */
  | { readonly do: "turns"; readonly count: number }
  | { readonly do: "move" | "late"; readonly ms: number }
  | { readonly do: "leave" | "stall" | "resume" | "progress"; readonly client: number }
  | {
      readonly do: "connect";
      readonly client: number;
      readonly how: "anew" | "resume" | "takeOver";
      readonly channels: readonly string[];
    }
  | { readonly do: "subscribe"; readonly client: number; readonly channel: string; readonly since: Start }
  | { readonly do: "unsubscribe"; readonly client: number; readonly channel: string }
  | {
      readonly do: "say";
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

/** What any broker may meet: publishers, clients that come, go and stall, time that passes. */
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
      how: fc.constantFrom("anew" as const, "resume" as const, "resume" as const, "takeOver" as const),
      channels: fc.uniqueArray(room, { maxLength: 2 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("subscribe" as const), client, channel: own, since: start }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unsubscribe" as const), client, channel: own }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("say" as const), client, channel: own, event, echo: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("stall" as const, "resume" as const), client }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("progress" as const), client }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), client }) },
];

/** What happens to a broker on a bad way. */
const unsteady = [
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

/** Runs of some hundred steps. @param way how the broker behaves @param history how much is kept */
export function runs(way: "steady" | "unsteady", history: "long" | "short"): fc.Arbitrary<Run> {
  const setting = fc.record({
    historySize: history === "long" ? fc.constant(1_000_000) : fc.constantFrom(0, 1, 3, 10),
    historyTtl: history === "long" ? fc.constant(300_000) : fc.constantFrom(20, 300_000),
    // From "keeps but one" to "keeps all".
    tailBytes: fc.constantFrom(0, 700, 1_000_000),
    notices: fc.boolean(),
  });
  const step: fc.Arbitrary<Step> = fc.oneof(...usual, ...(way === "steady" ? [] : unsteady));
  return fc.record({ setting, steps: fc.array(step, { minLength: 20, maxLength: 150, size: "max" }) });
}
