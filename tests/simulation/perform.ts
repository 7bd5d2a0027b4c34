import type { Action } from "./plan.ts";
import { formatRecord, recordAt } from "./redis/broker-scripts.ts";
import { Keys } from "./redis/keys.ts";
import type { Simulation } from "./simulation.ts";

/** The time of the last writes that Redis may lose in a crash, milliseconds: `appendfsync everysec`, or a lagging replica. */
const longestTailMs = 2500;

/** The longest time for which Redis is down, milliseconds. */
export const longestDownMs = 9000;

/** Performs one action of a plan. */
export function perform(simulation: Simulation, { kind, target, ms, amount }: Action): void {
  const { director, redis, timeline } = simulation;
  const at = target % simulation.nodes.length;
  const node = simulation.nodes[at];
  const subscriber = simulation.subscribers[target % Math.max(1, simulation.subscribers.length)];
  const publisher = simulation.publishers[target % Math.max(1, simulation.publishers.length)];
  const later = (run: () => void) => void director.setTimeout(run, ms);
  const isOdd = amount % 2 === 1;
  if (node === undefined) return;
  switch (kind) {
    case "node-stops":
      node.process.stop();
      later(() => node.process.continue());
      break;
    case "node-dies": // an odd amount: the whole machine
      node.process.kill(isOdd);
      later(() => simulation.replaceNode(at));
      break;
    case "node-rolls":
      if (node.isReady && !node.isLeaving) roll(simulation, at);
      break;
    case "node-clock":
      node.process.setWallClock(clockStep(amount));
      break;
    case "node-busy":
      node.process.busyMs = 1;
      later(() => {
        node.process.busyMs = 0;
      });
      break;
    case "redis-link-breaks": {
      // One of the six connections of a node; by chance only one side notices.
      const client = node.redisClients[amount % Math.max(1, node.redisClients.length)];
      client?.cut({ near: amount % 3 !== 0, far: amount % 5 !== 0 });
      break;
    }
    case "redis-link-held":
      node.redisRoute.heldUntil = timeline.now + ms;
      break;
    case "redis-link-late":
      for (const client of node.redisClients) client.hold(timeline.now + ms);
      break;
    case "redis-link-deaf": {
      const listening = node.redisClients.flatMap(({ peer }) =>
        peer !== undefined && peer.topics.size > 0 ? [peer] : [],
      );
      const peer = listening[amount % Math.max(1, listening.length)];
      if (peer !== undefined) peer.isDeaf = true;
      break;
    }
    case "redis-restarts":
      restartRedis(simulation, ms, amount);
      break;
    case "redis-fails-over":
      failOver(simulation, { lostMs: amount, downMs: ms });
      break;
    case "redis-stops":
      redis.process.stop();
      later(() => redis.process.continue());
      break;
    case "redis-flushed":
      redis.keys.clear();
      break;
    case "redis-refuses":
      redis.refusesWrites = "MISCONF";
      later(() => {
        redis.refusesWrites = undefined;
      });
      break;
    case "redis-clock":
      redis.process.setWallClock(clockStep(amount));
      break;
    case "redis-answer-lost":
      redis.storesUntilLoss = 1 + (amount % 6);
      break;
    case "redis-restores-old-copy":
      restoreOldCopy(simulation, target, amount);
      break;
    case "client-breaks":
      for (const link of subscriber?.links ?? []) link.wire.cut({ near: amount % 3 !== 0, far: amount % 5 !== 0 });
      break;
    case "client-held":
      if (subscriber !== undefined) subscriber.host.route.heldUntil = timeline.now + ms;
      break;
    case "client-stalls":
      if (subscriber === undefined) break;
      subscriber.host.isReading = false;
      later(() => resumeReading(simulation, target));
      break;
    case "client-sleeps":
      subscriber?.host.process.stop();
      later(() => {
        subscriber?.host.process.continue();
        subscriber?.wake();
      });
      break;
    case "client-leaves":
      subscriber?.leave();
      break;
    case "client-clock":
      subscriber?.host.process.setWallClock(clockStep(amount));
      break;
    case "burst": {
      const channel = simulation.plan.publishers[target % Math.max(1, simulation.plan.publishers.length)]?.channels[0];
      if (channel !== undefined && !simulation.pausedChannels.has(channel)) {
        publisher?.publish(
          channel,
          Array.from({ length: 5 + (amount % 40) }, () => "y".repeat(20 * (amount % 50))),
        );
      }
      break;
    }
  }
}

/** Ends all faults: from here on the servers and clients recover by themselves. */
export function endFaults(simulation: Simulation): void {
  const { redis, timeline } = simulation;
  redis.process.continue();
  redis.refusesWrites = undefined;
  redis.storesUntilLoss = 0;
  if (redis.isDown) redis.restart(redis.keys);
  simulation.backendRoute.heldUntil = timeline.now;
  for (const [at, node] of simulation.nodes.entries()) {
    node.process.continue();
    node.redisRoute.heldUntil = timeline.now;
    simulation.replaceNode(at);
  }
  for (const [at, subscriber] of simulation.subscribers.entries()) {
    const { host } = subscriber;
    host.route.heldUntil = timeline.now;
    host.process.continue();
    resumeReading(simulation, at);
    subscriber.wake();
  }
}

/** A planned restart: another node is ready before this one stops. */
function roll(simulation: Simulation, at: number): void {
  const node = simulation.nodes[at];
  if (node === undefined) return;
  const others = simulation.nodes.filter((it) => it !== node && it.isReady && !it.isLeaving && !it.process.isDead);
  const isOrderly = simulation.plan.profile === "roll";
  // An orderly roll takes one node after the other.
  if (isOrderly && others.length < simulation.nodes.length - 1) return;
  node.stop({ mode: "move", successor: others.length > 0 ? "other-node" : "none" }, () => {
    node.process.kill();
    simulation.replaceNode(at);
  });
}

/** @param amount decides what Redis keeps (everything, all but the last writes, or nothing), and whether it soon crashes again */
function restartRedis(simulation: Simulation, downMs: number, amount: number): void {
  const { redis, director } = simulation;
  if (redis.isDown) return;
  const kept = redis.keys.copy();
  const lostMs = amount % 4 === 0 ? 0 : (longestTailMs * (amount % 10)) / 10;
  director.setTimeout(() => {
    if (redis.isDown) return;
    const isEmpty = amount % 7 === 0;
    const keys = lostMs === 0 ? redis.keys : isEmpty ? new Keys(() => redis.process.now()) : kept;
    redis.crash();
    redis.keys = keys;
    const back = () => {
      if (!redis.isDown) return;
      redis.restart(keys);
      if (amount % 3 === 0) restartRedis(simulation, 100, amount + 1);
    };
    director.setTimeout(back, Math.min(downMs, longestDownMs));
  }, lostMs);
}

/** Redis goes down after `lostMs` and loses what was written meanwhile, as in a failover to a replica that is behind. */
function failOver({ redis, director }: Simulation, { lostMs, downMs }: { lostMs: number; downMs: number }): void {
  if (redis.isDown) return;
  const kept = redis.keys.copy();
  director.setTimeout(() => {
    if (redis.isDown) return;
    redis.crash();
    director.setTimeout(() => {
      if (redis.isDown) redis.restart(kept);
    }, downMs);
  }, lostMs);
}

/** An operator restores an older copy of one channel in a running Redis while nothing is published in it. */
function restoreOldCopy(simulation: Simulation, target: number, amount: number): void {
  const { redis, director } = simulation;
  const channel = simulation.plan.publishers[target % Math.max(1, simulation.plan.publishers.length)]?.channels[0];
  if (channel === undefined || simulation.pausedChannels.has(channel)) return;
  simulation.pausedChannels.add(channel);
  director.setTimeout(() => {
    const top = simulation.topOf(channel);
    const isPublishing = [...simulation.publishers, ...simulation.subscribers].some(({ unsettled }) => unsettled > 0);
    const lost = 1 + (amount % 3);
    // Without a listener no node can notice.
    const isListenedTo = simulation.living.some(
      ({ hub }) => hub.delivery.interest.get(channel)?.tail.head === top?.offset,
    );
    if (top === undefined || top.offset <= lost || isPublishing || !isListenedTo || simulation.unsettled.length > 0) {
      simulation.pausedChannels.delete(channel);
      return;
    }
    const { record, messages } = simulation.keysOf(channel);
    simulation.restoredChannels.add(channel);
    const known = recordAt(redis.keys, record);
    if (known !== undefined) redis.keys.changeText(record, formatRecord({ ...known, top: known.top - lost }));
    redis.keys.setStream(
      messages,
      redis.keys.stream(messages).filter(({ offset }) => offset <= top.offset - lost),
    );
    // A publication before any node has noticed would be given a used position. No server can prevent that.
    const watch = () => {
      if (simulation.topOf(channel)?.epoch === top.epoch) director.setTimeout(watch, 1000);
      else simulation.pausedChannels.delete(channel);
    };
    watch();
  }, 4000);
}

function resumeReading(simulation: Simulation, target: number): void {
  const subscriber = simulation.subscribers[target % Math.max(1, simulation.subscribers.length)];
  if (subscriber === undefined) return;
  const { host } = subscriber;
  host.isReading = true;
  host.process.post(simulation.timeline.now, () => {
    for (const link of [...subscriber.links]) link.resumeReading();
  });
}

function clockStep(amount: number): number {
  return (amount - 50) * 1200;
}
