import type { ChannelName } from "../../protocol/channel-name.ts";
import { makeCutOffPlan } from "./cut-off.ts";
import { Dice } from "./dice.ts";
import { makeLostTailPlan } from "./lost-tail.ts";
import { longestDownMs } from "./perform.ts";
import {
  type Action,
  type ActionKind,
  type ClientPlan,
  clientActions,
  linkActions,
  nodeActions,
  type Plan,
  type Profile,
  type PublisherPlan,
  type ReaderPlan,
  redisActions,
} from "./plan.ts";

const profiles: readonly Profile[] = [
  "roll",
  "failover",
  "failovers",
  "lost-tail",
  "cut-off",
  "schedules",
  "late",
  "claims",
  "nodes",
  "nodes",
  "redis",
  "redis",
  "all",
  "all",
];

/** The `amount` of a restart of Redis that loses nothing and happens once. */
const losesNothing = 4;
/** From this time on the nodes know each other's offsets, so they can tell whether Redis has lost anything. */
const introducedMs = 9000;

const allowed: Readonly<Record<Exclude<Profile, "lost-tail" | "cut-off">, readonly ActionKind[]>> = {
  roll: ["node-rolls"],
  failover: ["redis-restarts", "client-breaks", "burst"],
  schedules: ["redis-answer-lost", "redis-answer-lost", "redis-link-breaks", "node-dies", "node-stops", "node-rolls"],
  failovers: ["redis-restarts"],
  late: ["redis-link-late", "redis-link-late", "client-breaks", "client-leaves", "client-sleeps", "node-dies", "burst"],
  claims: ["node-dies", "node-dies", "node-stops", "redis-link-held", "client-breaks", "client-held", "client-sleeps"],
  nodes: [...nodeActions, ...linkActions, ...clientActions],
  redis: [...redisActions, "redis-link-breaks", "burst", "client-breaks"],
  all: [...nodeActions, ...linkActions, ...redisActions, ...clientActions],
};

/** The plan of a seed. */
export function makePlan(seed: number, only?: Profile): Plan {
  const dice = new Dice(seed, "plan");
  const profile = only ?? dice.pick(profiles);
  if (profile === "lost-tail") return makeLostTailPlan(seed, dice);
  if (profile === "cut-off") return makeCutOffPlan(seed, dice);
  const isRoll = profile === "roll";
  const isClaims = profile === "claims";
  const durationMs = dice.whole(20, 90) * 1000;
  const channels = Array.from({ length: dice.whole(1, 4) }, (_, at) => `room:${at}` as ChannelName);
  const some = () => channels.filter(() => dice.chance(0.6));
  const clients = Array.from({ length: dice.whole(2, 8) }, (_, at): ClientPlan => {
    const kind = isRoll || dice.chance(0.5) ? "sdk" : "plain";
    return {
      kind,
      startsAt: isRoll ? dice.whole(0, 3000) : dice.whole(0, durationMs * 0.7),
      userId: !isClaims && dice.chance(0.3) ? undefined : isRoll || dice.chance(0.7) ? `user-${at}` : `user-${at % 2}`,
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
  if (profile === "failovers") actions.push(...actions.map((it) => again(it, dice)));
  return {
    seed,
    profile,
    durationMs,
    nodes: isRoll ? dice.whole(2, 4) : dice.whole(1, 4),
    userConnections: dice.pick(isClaims ? ["reject", "replace"] : ["many", "many", "reject", "replace"]),
    historySize: dice.pick([3, 20, 1000, 1000]),
    historyTtlMs: dice.pick([5000, 60_000, 300_000, 300_000]),
    slowestMs: dice.pick(isRoll ? [2, 10, 50] : [2, 10, 60, 200]),
    periodicMs: dice.pick(profile === "schedules" ? [2000] : [0, 2000, 5000]),
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

/** The same once more, while the members still ask each other what Redis has lost. */
function again(action: Action, dice: Dice): Action {
  return {
    ...action,
    at: action.at + Math.min(action.ms, longestDownMs) + dice.whole(1, 1500),
    ms: dice.whole(3000, longestDownMs),
  };
}

function makeAction(dice: Dice, profile: keyof typeof allowed, durationMs: number): Action {
  return {
    at: dice.whole(profile.startsWith("failover") ? introducedMs : 3000, Math.max(4000, durationMs - 2000)),
    kind: dice.pick(allowed[profile]),
    target: dice.whole(0, 11),
    ms: dice.pick([100, 1000, 3000, 8000, 20_000]) * dice.between(0.5, 1.5),
    amount: profile.startsWith("failover") ? losesNothing : dice.whole(0, 99),
  };
}
