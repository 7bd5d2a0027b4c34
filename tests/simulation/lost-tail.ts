import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Dice } from "./dice.ts";
import type { Action, Plan } from "./plan.ts";

/** Redis restarts without its last writes; with a third of these it crashes once more. See restartRedis in perform.ts. */
const losesTail = [9, 19, 29, 39, 59, 69, 79, 89];
/** How much of them, milliseconds: it goes down this long after the action. */
const tailMs = 2250;
/** The fewest publications of a burst. */
const burstSize = 5;
const slowMs = [10, 10, 60, 200] as const;

/**
 * A plan in which Redis loses positions that few know. Channels have few subscribers and few publications. What is
 * published shortly before Redis goes down is known only to a node that leaves, to a retry that is answered as a
 * duplicate because the first answer was lost, or to a reader of the history.
 */
export function makeLostTailPlan(seed: number, dice: Dice): Plan {
  const durationMs = dice.whole(25, 60) * 1000;
  const slowestMs = dice.pick(slowMs);
  const channels = Array.from({ length: dice.whole(2, 4) }, (_, at) => `room:${at}` as ChannelName);
  // Two backends that retry in one channel: what was lost is not stored again in the same order.
  const shared = dice.pick(channels);
  const publishers = Array.from({ length: dice.whole(2, 3) }, () => ({
    channels: [dice.chance(0.7) ? shared : dice.pick(channels)],
    everyMs: dice.whole(2000, 9000),
    burst: dice.whole(1, 3),
    bytes: dice.whole(0, 60),
  }));
  return {
    seed,
    profile: "lost-tail",
    durationMs,
    nodes: dice.whole(2, 4),
    userConnections: dice.pick(["many", "reject", "replace"]),
    historySize: 1000,
    historyTtlMs: 300_000,
    slowestMs,
    periodicMs: dice.pick([0, 5000]),
    clients: Array.from({ length: dice.whole(0, 2) }, (_, at) => ({
      kind: dice.pick(["sdk", "plain"]),
      startsAt: dice.whole(0, 10_000),
      userId: `user-${at}`,
      channels: channels.slice(0, 1),
      takesOver: true,
      publishesEvery: 0,
    })),
    publishers,
    readers: Array.from({ length: dice.whole(0, 2) }, () => ({ channels, everyMs: dice.whole(30, 300) })),
    actions: Array.from({ length: dice.whole(1, 3) }, (_, at) =>
      makeLoss(dice, 9000 + at * dice.whole(8000, 12_000), slowestMs),
    )
      .flat()
      .sort((a, b) => a.at - b.at),
  };
}

/** From `at` on, everything that Redis stores is lost. Meanwhile something is published, and answers are lost or a node leaves. */
function makeLoss(dice: Dice, at: number, slowestMs: number): readonly Action[] {
  const none = { target: 0, ms: 0, amount: 0 };
  const restart: Action = {
    ...none,
    at,
    kind: "redis-restarts",
    ms: dice.whole(100, 2000),
    amount: dice.pick(losesTail),
  };
  // Shortly before the end, so that sometimes it is read, but not yet retried.
  const burstAt = at + (dice.chance(0.5) ? dice.whole(100, tailMs - 200) : tailMs - dice.whole(100, 700));
  const target = dice.whole(0, 11);
  const burst: Action = { ...none, at: burstAt, kind: "burst", target };
  // Another backend publishes while Redis goes down, and retries as well.
  const rival: Action = { ...none, at: at + tailMs - dice.whole(0, 50), kind: "burst", target: target + 1 };
  const other: Action = dice.chance(0.4)
    ? { ...none, at: burstAt + dice.whole(0, 4 * slowestMs), kind: "node-rolls", target: dice.whole(0, 11) }
    : { ...none, at: burstAt, kind: "redis-answer-lost", amount: burstSize - 1 };
  return [restart, burst, rival, other];
}
