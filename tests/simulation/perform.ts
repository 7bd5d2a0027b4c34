import type { City } from "./city.ts";
import type { Action } from "./plan.ts";
import { formatRecord, recordAt } from "./redis/broker-scripts.ts";
import { Keys } from "./redis/keys.ts";

/** How much of its last writes a Redis may lose in a crash, milliseconds: appendfsync everysec, and a replica that lags. */
const longestTailMs = 2500;

/** Does one thing of a plan. */
export function perform(city: City, { kind, target, ms, amount }: Action): void {
  const { director, redis, timeline } = city;
  const at = target % city.nodes.length;
  const node = city.nodes[at];
  const subscriber = city.subscribers[target % Math.max(1, city.subscribers.length)];
  const publisher = city.publishers[target % Math.max(1, city.publishers.length)];
  const later = (run: () => void) => void director.setTimeout(run, ms);
  const isOdd = amount % 2 === 1;
  if (node === undefined) return;
  switch (kind) {
    case "node-stops":
      node.process.stop();
      later(() => node.process.continue());
      break;
    case "node-dies": // odd: with its machine
      node.process.kill(isOdd);
      later(() => city.replaceNode(at));
      break;
    case "node-rolls":
      if (node.isReady && !node.isLeaving) roll(city, at);
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
    case "redis-link-deaf": {
      const listening = node.redisClients.flatMap(({ peer }) =>
        peer !== undefined && peer.topics.size > 0 ? [peer] : [],
      );
      const peer = listening[amount % Math.max(1, listening.length)];
      if (peer !== undefined) peer.isDeaf = true;
      break;
    }
    case "redis-restarts":
      restartRedis(city, ms, amount);
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
    case "redis-goes-back":
      setBack(city, target, amount);
      break;
    case "client-breaks":
      for (const link of subscriber?.links ?? []) link.wire.cut({ near: amount % 3 !== 0, far: amount % 5 !== 0 });
      break;
    case "client-held":
      if (subscriber !== undefined) subscriber.line.route.heldUntil = timeline.now + ms;
      break;
    case "client-stalls":
      if (subscriber === undefined) break;
      subscriber.line.isReading = false;
      later(() => readOn(city, target));
      break;
    case "client-sleeps":
      subscriber?.line.process.stop();
      later(() => {
        subscriber?.line.process.continue();
        subscriber?.wake();
      });
      break;
    case "client-leaves":
      subscriber?.leave();
      break;
    case "client-clock":
      subscriber?.line.process.setWallClock(clockStep(amount));
      break;
    case "burst": {
      const channel = city.plan.publishers[target % Math.max(1, city.plan.publishers.length)]?.channels[0];
      if (channel !== undefined && !city.quiet.has(channel)) {
        publisher?.publish(
          channel,
          Array.from({ length: 5 + (amount % 40) }, () => "y".repeat(20 * (amount % 50))),
        );
      }
      break;
    }
  }
}

/** Ends everything that goes wrong: from here on only time is needed. */
export function heal(city: City): void {
  const { redis, timeline } = city;
  redis.process.continue();
  redis.refusesWrites = undefined;
  redis.storesUntilLoss = 0;
  if (redis.isDown) redis.comeBack(redis.keys);
  city.backendRoute.heldUntil = timeline.now;
  for (const [at, node] of city.nodes.entries()) {
    node.process.continue();
    node.redisRoute.heldUntil = timeline.now;
    city.replaceNode(at);
  }
  for (const [at, subscriber] of city.subscribers.entries()) {
    const { line } = subscriber;
    line.route.heldUntil = timeline.now;
    line.process.continue();
    readOn(city, at);
    subscriber.wake();
  }
}

/** A planned restart: its successor is there before the node leaves. */
function roll(city: City, at: number): void {
  const node = city.nodes[at];
  if (node === undefined) return;
  const others = city.nodes.filter((it) => it !== node && it.isReady && !it.isLeaving && !it.process.isDead);
  const isOrderly = city.plan.profile === "roll";
  // An orderly roll takes one node after the other.
  if (isOrderly && others.length < city.nodes.length - 1) return;
  node.stop({ mode: "move", successor: others.length > 0 ? "other-node" : "none" }, () => {
    node.process.kill();
    city.replaceNode(at);
  });
}

/** @param amount decides what is left (everything, all but a tail, or nothing), and whether it crashes once more soon */
function restartRedis(city: City, downMs: number, amount: number): void {
  const { redis, director } = city;
  if (redis.isDown) return;
  const kept = redis.keys.copy();
  const lostMs = amount % 4 === 0 ? 0 : (longestTailMs * (amount % 10)) / 10;
  director.setTimeout(() => {
    if (redis.isDown) return;
    const isEmpty = amount % 7 === 0;
    const keys = lostMs === 0 ? redis.keys : isEmpty ? new Keys(() => redis.process.now()) : kept;
    redis.goDown();
    redis.keys = keys;
    const back = () => {
      if (!redis.isDown) return;
      redis.comeBack(keys);
      if (amount % 3 === 0) restartRedis(city, 100, amount + 1);
    };
    director.setTimeout(back, Math.min(downMs, 9000));
  }, lostMs);
}

/** Somebody puts an older copy of one channel back under a running Redis, while nothing is published in it. */
function setBack(city: City, target: number, amount: number): void {
  const { redis, director } = city;
  const channel = city.plan.publishers[target % Math.max(1, city.plan.publishers.length)]?.channels[0];
  if (channel === undefined || city.quiet.has(channel)) return;
  city.quiet.add(channel);
  director.setTimeout(() => {
    const top = city.topOf(channel);
    const isPublishing = [...city.publishers, ...city.subscribers].some(({ unsettled }) => unsettled > 0);
    const lost = 1 + (amount % 3);
    // Where nobody listens nobody can notice.
    const isListenedTo = city.living.some(({ hub }) => hub.delivery.interest.get(channel)?.tail.head === top?.offset);
    if (top === undefined || top.offset <= lost || isPublishing || !isListenedTo || city.unsettled.length > 0) {
      city.quiet.delete(channel);
      return;
    }
    const { record, messages } = city.keysOf(channel);
    city.setBack.add(channel);
    const known = recordAt(redis.keys, record);
    if (known !== undefined) redis.keys.changeText(record, formatRecord({ ...known, top: known.top - lost }));
    redis.keys.setStream(
      messages,
      redis.keys.stream(messages).filter(({ offset }) => offset <= top.offset - lost),
    );
    // Whoever publishes before anybody has noticed gives a position away twice, and no server can prevent that.
    const watch = () => {
      if (city.topOf(channel)?.epoch === top.epoch) director.setTimeout(watch, 1000);
      else city.quiet.delete(channel);
    };
    watch();
  }, 4000);
}

function readOn(city: City, target: number): void {
  const subscriber = city.subscribers[target % Math.max(1, city.subscribers.length)];
  if (subscriber === undefined) return;
  const { line } = subscriber;
  line.isReading = true;
  line.process.post(city.timeline.now, () => {
    for (const link of [...subscriber.links]) link.readOn();
  });
}

function clockStep(amount: number): number {
  return (amount - 50) * 1200;
}
