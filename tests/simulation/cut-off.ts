import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Dice } from "./dice.ts";
import type { Action, Plan } from "./plan.ts";

/** From this time on the nodes know each other, milliseconds. */
const introducedMs = 9000;
/** After this time nobody expects an answer from a node that died. */
const forgottenMs = 9000;
const slowMs = [2, 10, 30] as const;
/** A starting node has written its heartbeat after at most this many times the longest latency. */
const messagesOfStart = 30;

interface Cut {
  readonly cutAt: number;
  readonly nodes: number;
  readonly slowestMs: number;
}

/**
 * A plan in which Redis loses positions that are known only to nodes that the others cannot hear: they are cut off from Redis,
 * or died some time ago. Little is published, so that the others do not notice by what they have seen themselves.
 */
export function makeCutOffPlan(seed: number, dice: Dice): Plan {
  const cut = { nodes: dice.whole(2, 3), cutAt: introducedMs + forgottenMs, slowestMs: dice.pick(slowMs) };
  const channels = ["room:0" as ChannelName];
  const { actions, crashAt } = dice.pick([loseOfOthers, loseOfNewcomer, loseOfDead])(dice, cut);
  const later = Array.from({ length: 3 }, () => burst(dice, crashAt + 2000, crashAt + 12_000));
  const earlier = Array.from({ length: 2 }, () => burst(dice, introducedMs, introducedMs + 5000));
  return {
    seed,
    profile: "cut-off",
    durationMs: crashAt + 15_000,
    nodes: cut.nodes,
    userConnections: "many",
    historySize: 1000,
    historyTtlMs: 300_000,
    slowestMs: cut.slowestMs,
    periodicMs: 0,
    clients: Array.from({ length: dice.whole(0, 1) }, () => ({
      kind: dice.pick(["sdk", "plain"]),
      startsAt: dice.whole(0, 8000),
      userId: "user",
      channels,
      takesOver: true,
      publishesEvery: 0,
    })),
    // They publish only in bursts.
    publishers: [1, 2].map(() => ({ channels, everyMs: 1_000_000, burst: 1, bytes: 20 })),
    readers: [],
    actions: [...earlier, ...actions, ...later].toSorted((a, b) => a.at - b.at),
  };
}

interface Loss {
  readonly actions: readonly Action[];
  readonly crashAt: number;
}

/** One node starts when all others have been cut off. Redis loses what they published last. */
function loseOfOthers(dice: Dice, { cutAt, nodes }: Cut): Loss {
  const newcomer = dice.whole(0, nodes - 1);
  const crashAt = cutAt + dice.whole(3000, 9000);
  const keptUntil = cutAt - dice.whole(300, 600);
  const actions = [
    failover(dice, keptUntil, crashAt),
    burst(dice, keptUntil + 1, cutAt - 150),
    dies(newcomer, cutAt, dice.whole(20, 100)),
    ...holdOthers(newcomer, nodes, { from: cutAt, until: crashAt + dice.whole(1000, 9000) }),
  ];
  return { actions, crashAt };
}

/** One node starts when all others have been cut off, and dies. Redis loses what it published, but not its first heartbeat. */
function loseOfNewcomer(dice: Dice, { cutAt, nodes, slowestMs }: Cut): Loss {
  const newcomer = dice.whole(0, nodes - 1);
  const startsAt = cutAt + dice.whole(50, 300);
  const keptUntil = startsAt + messagesOfStart * slowestMs + dice.whole(100, 800);
  const crashAt = keptUntil + dice.whole(600, 2000);
  const actions = [
    dies(newcomer, cutAt - forgottenMs, startsAt - cutAt + forgottenMs),
    failover(dice, keptUntil, crashAt),
    burst(dice, keptUntil + 1, crashAt - 300),
    dies(newcomer, crashAt + dice.whole(-100, 0), dice.whole(5000, 15_000)),
    ...holdOthers(newcomer, nodes, { from: cutAt, until: crashAt + dice.whole(100, 4000) }),
  ];
  return { actions, crashAt };
}

/** A node publishes and dies. When the others have forgotten it, Redis loses what it published. */
function loseOfDead(dice: Dice, { cutAt, nodes }: Cut): Loss {
  const crashAt = cutAt + forgottenMs;
  const keptUntil = cutAt - dice.whole(300, 600);
  const actions = [
    failover(dice, keptUntil, crashAt),
    burst(dice, keptUntil + 1, cutAt - 150),
    dies(dice.whole(0, nodes - 1), cutAt, dice.whole(20, 30_000)),
  ];
  return { actions, crashAt };
}

const none = { target: 0, ms: 0, amount: 0 };

function burst(dice: Dice, from: number, until: number): Action {
  return { ...none, kind: "burst", at: dice.whole(from, until), target: dice.whole(0, 1) };
}

function dies(target: number, at: number, replacedAfterMs: number): Action {
  return { ...none, kind: "node-dies", at, target, ms: replacedAfterMs };
}

function failover(dice: Dice, keptUntil: number, crashAt: number): Action {
  return { ...none, kind: "redis-fails-over", at: keptUntil, ms: dice.whole(50, 1500), amount: crashAt - keptUntil };
}

function holdOthers(newcomer: number, nodes: number, { from, until }: { from: number; until: number }): Action[] {
  const others = Array.from({ length: nodes }, (_, at) => at).filter((it) => it !== newcomer);
  return others.map((target) => ({ ...none, kind: "redis-link-held", at: from, target, ms: until - from }));
}
