import type { ChannelName } from "../../protocol/channel-name.ts";
import { Dice } from "./dice.ts";
import { makeLostTailPlan } from "./lost-tail.ts";

/** What goes wrong, or is done, at some time. What `target`, `ms` and `amount` mean stands beside each kind in city.ts. */
export interface Action {
  readonly at: number;
  readonly kind: ActionKind;
  /** An index, counted modulo how many there are. */
  readonly target: number;
  readonly ms: number;
  readonly amount: number;
}

const nodeActions = ["node-stops", "node-dies", "node-rolls", "node-clock", "node-busy"] as const;
const linkActions = ["redis-link-breaks", "redis-link-held", "redis-link-deaf"] as const;
const redisActions = [
  "redis-restarts",
  "redis-stops",
  "redis-flushed",
  "redis-refuses",
  "redis-clock",
  "redis-goes-back",
  "redis-answer-lost",
] as const;
const clientActions = [
  "client-breaks",
  "client-held",
  "client-stalls",
  "client-sleeps",
  "client-leaves",
  "client-clock",
  "burst",
] as const;

export type ActionKind =
  | (typeof nodeActions)[number]
  | (typeof linkActions)[number]
  | (typeof redisActions)[number]
  | (typeof clientActions)[number];

export interface ClientPlan {
  readonly kind: "sdk" | "plain";
  readonly startsAt: number;
  readonly userId: string | undefined;
  readonly channels: readonly ChannelName[];
  /** Whether it says which connection it continues; the SDK always does. */
  readonly takesOver: boolean;
  /** Milliseconds between two publications; 0: it only listens. */
  readonly publishesEvery: number;
}

export interface PublisherPlan {
  readonly channels: readonly ChannelName[];
  readonly everyMs: number;
  /** Publications in one go. */
  readonly burst: number;
  readonly bytes: number;
}

/** A backend that reads history. */
export interface ReaderPlan {
  readonly channels: readonly ChannelName[];
  readonly everyMs: number;
}

/** Everything that a simulation does, as plain data: a part can be left out to see whether it matters. */
export interface Plan {
  readonly seed: number;
  readonly profile: Profile;
  readonly durationMs: number;
  readonly nodes: number;
  readonly userConnections: "many" | "reject" | "replace";
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly slowestMs: number;
  readonly periodicMs: number;
  readonly clients: readonly ClientPlan[];
  readonly publishers: readonly PublisherPlan[];
  readonly readers: readonly ReaderPlan[];
  readonly actions: readonly Action[];
}

/**
 * What may go wrong in a plan: `roll` for planned restarts only, `failover` for a Redis that is replaced and loses nothing,
 * `lost-tail` for a Redis that loses positions that few know (lost-tail.ts), `nodes` for everything but Redis itself.
 */
export type Profile = "roll" | "failover" | "lost-tail" | "nodes" | "redis" | "all";

const profiles: readonly Profile[] = [
  "roll",
  "failover",
  "lost-tail",
  "nodes",
  "nodes",
  "redis",
  "redis",
  "all",
  "all",
];

/** Redis restarts once, with everything that it had. */
const losesNothing = 4;
/** From here on the nodes of a city know each other, so they can tell whether Redis has lost anything. */
const introducedMs = 9000;

const allowed: Readonly<Record<Exclude<Profile, "lost-tail">, readonly ActionKind[]>> = {
  roll: ["node-rolls"],
  failover: ["redis-restarts", "client-breaks", "burst"],
  nodes: [...nodeActions, ...linkActions, ...clientActions],
  redis: [...redisActions, "redis-link-breaks", "burst", "client-breaks"],
  all: [...nodeActions, ...linkActions, ...redisActions, ...clientActions],
};

/** The plan of a seed. */
export function makePlan(seed: number, only?: Profile): Plan {
  const dice = new Dice(seed, "plan");
  const profile = only ?? dice.pick(profiles);
  if (profile === "lost-tail") return makeLostTailPlan(seed, dice);
  const isRoll = profile === "roll";
  const durationMs = dice.whole(20, 90) * 1000;
  const channels = Array.from({ length: dice.whole(1, 4) }, (_, at) => `room:${at}` as ChannelName);
  const some = () => channels.filter(() => dice.chance(0.6));
  const clients = Array.from({ length: dice.whole(2, 8) }, (_, at): ClientPlan => {
    const kind = isRoll || dice.chance(0.5) ? "sdk" : "plain";
    return {
      kind,
      startsAt: isRoll ? dice.whole(0, 3000) : dice.whole(0, durationMs * 0.7),
      userId: dice.chance(0.3) ? undefined : isRoll || dice.chance(0.7) ? `user-${at}` : `user-${at % 2}`,
      channels: some(),
      takesOver: kind === "sdk" || dice.chance(0.5),
      publishesEvery: dice.chance(0.4) ? dice.whole(500, 5000) : 0,
    };
  });
  const publishers = Array.from({ length: dice.whole(1, 3) }, (): PublisherPlan => {
    const every = dice.chance(0.5) ? dice.whole(50, 300) : dice.whole(500, 8000);
    const isLarge = dice.chance(0.2);
    const chosen = some();
    return {
      channels: chosen.length === 0 ? channels : chosen,
      everyMs: every,
      burst: dice.chance(0.6) ? 1 : dice.whole(2, 8),
      bytes: isLarge ? dice.whole(500, 3000) : dice.whole(0, 60),
    };
  });
  const actions = Array.from({ length: isRoll ? dice.whole(1, 3) : dice.whole(1, 8) }, () =>
    makeAction(dice, profile, durationMs),
  );
  return {
    seed,
    profile,
    durationMs,
    nodes: isRoll ? dice.whole(2, 4) : dice.whole(1, 4),
    userConnections: dice.pick(["many", "many", "reject", "replace"]),
    historySize: dice.pick([3, 20, 1000, 1000]),
    historyTtlMs: dice.pick([5000, 60_000, 300_000, 300_000]),
    slowestMs: dice.pick(isRoll ? [2, 10, 50] : [2, 10, 60, 200]),
    periodicMs: dice.pick([0, 2000, 5000]),
    clients,
    publishers,
    readers: makeReaders(new Dice(seed, "readers"), channels),
    actions: actions.sort((a, b) => a.at - b.at),
  };
}

function makeReaders(dice: Dice, channels: readonly ChannelName[]): ReaderPlan[] {
  return Array.from({ length: dice.whole(0, 2) }, () => ({
    channels: channels.filter((_, at) => at === 0 || dice.chance(0.6)),
    everyMs: dice.whole(200, 3000),
  }));
}

function makeAction(dice: Dice, profile: keyof typeof allowed, durationMs: number): Action {
  return {
    at: dice.whole(profile === "failover" ? introducedMs : 3000, Math.max(4000, durationMs - 2000)),
    kind: dice.pick(allowed[profile]),
    target: dice.whole(0, 11),
    ms: dice.pick([100, 1000, 3000, 8000, 20_000]) * dice.between(0.5, 1.5),
    amount: profile === "failover" ? losesNothing : dice.whole(0, 99),
  };
}
