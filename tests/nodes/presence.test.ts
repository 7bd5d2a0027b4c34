import { expect, test } from "bun:test";
import { type Client, createClient } from "../../client/client.ts";
import type { Presence } from "../../client/presence.ts";
import { type Frame, SocketUnderTest } from "../e2e/socket.ts";
import { PresenceWatcher } from "../presence/watcher.ts";
import { eventually, until } from "../waiting.ts";
import { TwoNodes } from "./two-nodes.ts";

const room = "room:1";
const noRates = { PRESENCE_RATE: "0", MESSAGE_RATE: "0" };
/** Shorter than the presences of a killed node are kept (docs/presence.md: 6 to 8 s). */
const keptMs = 3000;
const rules = { channels: [{ match: "room:*", presence: "on", presence_events: "on" }] };

/** A client with the SDK behind the load balancer. */
class Mover {
  readonly client: Client;
  presence: Presence | undefined;
  /** When it was connected last. */
  connectedAt = 0;

  constructor(url: string, userId: string) {
    this.client = createClient(url, { userId });
    this.client.on("state", ({ status }) => {
      if (status === "connected") this.connectedAt = performance.now();
    });
    this.client.channel(room).on("presence", (it) => {
      this.presence = it;
    });
  }

  get users(): readonly string[] {
    return (this.presence?.members ?? []).map(({ user_id = "-" }) => user_id).toSorted();
  }
}

async function usersAt(nodes: TwoNodes): Promise<readonly unknown[]> {
  const { members = [] } = await nodes.two.json("GET", `/v1/channels/${encodeURIComponent(room)}/presence`);
  return (members as readonly Frame[]).map(({ user_id }) => user_id);
}

test.concurrent("presence over two nodes while one is killed: clients that move stay, clients that are gone have left within seconds", async () => {
  await using nodes = await TwoNodes.start(noRates, rules);
  using watcher = await PresenceWatcher.open(nodes.two.wsUrl, room);
  const movers = Array.from({ length: 12 }, (_, n) => new Mover(nodes.proxy.url, `mover${n}`));
  await until(() => movers.every(({ users }) => users.length === 13), "all movers see each other");
  const lost = await Promise.all(
    Array.from({ length: 8 }, (_, n) => SocketUnderTest.open(`${nodes.one.wsUrl}?user_id=lost${n}&channel=${room}`)),
  );
  await eventually(async () => expect(await watcher.users()).toHaveLength(20));
  const before = watcher.told.length;

  for (const pid of await nodes.one.pids()) process.kill(pid, "SIGKILL");
  const began = performance.now();
  const rows: string[] = [];
  let seconds = 0;
  await until(async () => {
    if (performance.now() - began < seconds * 1000) return false;
    const [seen, asked] = [await watcher.users(), await usersAt(nodes)];
    const lostLeft = seen.filter((it) => it.startsWith("lost")).length;
    const moversLeft = seen.filter((it) => it.startsWith("mover")).length;
    rows.push(`${seconds} s: ${lostLeft} of 8 lost, ${moversLeft} of 12 movers present; HTTP lists ${asked.length}`);
    seconds++;
    return lostLeft === 0;
  }, "the lost clients have left");
  console.log(`Presence of ${room} at the other node after kill -9:\n  ${rows.join("\n  ")}`);
  await until(() => movers.every(({ client }) => client.state.status === "connected"), "all movers are connected");
  await eventually(async () => expect((await watcher.users()).length).toBe(12));
  const expected = [...movers.map((_, n) => `mover${n}`), "watcher"].toSorted();
  expect((await usersAt(nodes)).toSorted()).toEqual(expected);
  for (const it of movers) await until(() => it.users.join() === expected.join(), "each SDK client shows the truth");
  const told = watcher.told.slice(before);
  expect(told.filter((it) => it.includes("lost")).toSorted()).toEqual(lost.map((_, n) => `left lost${n}`));
  // On a busy machine, one may need longer to reconnect, and is announced as left.
  const isQuick = ({ connectedAt }: Mover) => connectedAt - began < keptMs;
  const quick = movers.flatMap((it, n) => (isQuick(it) ? [`left mover${n}`, `joined mover${n}`] : []));
  expect(told.filter((it) => quick.includes(it))).toEqual([]);
  expect(watcher.observer.faults).toEqual([]);
  for (const it of lost) it[Symbol.dispose]();
  for (const { client } of movers) client.close();
});

test.concurrent("presence while Redis is killed and restarts empty: nobody is reported as left, and every list is correct again", async () => {
  await using nodes = await TwoNodes.start(noRates, rules);
  using watcher = await PresenceWatcher.open(nodes.two.wsUrl, room);
  const others = await Promise.all(
    nodes.both.flatMap(({ wsUrl }, at) =>
      Array.from({ length: 6 }, (_, n) => SocketUnderTest.open(`${wsUrl}?user_id=u${at}${n}&channel=${room}`)),
    ),
  );
  await eventually(async () => expect(await watcher.users()).toHaveLength(12));
  const before = watcher.told.length;
  const redis = new Bun.RedisClient(nodes.redisUrl.includes("://") ? nodes.redisUrl : `redis://${nodes.redisUrl}`);
  await redis.send("FLUSHALL", []);
  redis.close();
  await watcher.socket.until((it) => it.type === "presence" && it.event === "reset");
  await eventually(async () => expect(await watcher.users()).toHaveLength(12));
  others[0]?.close();
  await eventually(async () => expect(await watcher.users()).toHaveLength(11));
  expect(watcher.told.slice(before).filter((it) => it.startsWith("left")).length).toBeLessThanOrEqual(1);
  expect(watcher.observer.faults).toEqual([]);
  for (const it of others) it[Symbol.dispose]();
});
