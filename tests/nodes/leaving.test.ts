import { expect, test } from "bun:test";
import { createClient } from "../../client/client.ts";
import type { Frame } from "../e2e/socket.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { eventually, until } from "../waiting.ts";
import { TwoNodes } from "./two-nodes.ts";

/** A silent member is removed after 6 s, or a little later on a busy machine. */
const goneMs = 15_000;

test.concurrent("a killed node is removed with its counts, presence and claims, and others are notified", async () => {
  await using nodes = await TwoNodes.start({ USER_CONNECTIONS: "reject" });
  using watcher = await SocketUnderTest.open(`${nodes.two.wsUrl}?user_id=watcher&channel=room:1`);
  const lost = await Promise.all(
    Array.from({ length: 8 }, (_, n) => SocketUnderTest.open(`${nodes.one.wsUrl}?user_id=u${n}&channel=room:1`)),
  );
  await nodes.untilOnline(9);
  await watcher.until((it) => it.event === "joined" && it.online === 9);
  const pids = await nodes.one.pids();
  expect(pids).toHaveLength(3);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  const left = await watcher.until((it) => it.event === "left" && it.online === 1, goneMs);
  expect(left).toMatchObject({ message: "A client has left the chat. 1 client(s) online." });
  await eventually(async () => {
    expect(await nodes.two.json("GET", "/health")).toMatchObject({ connections: 1 });
    const presence = await nodes.two.json("GET", "/v1/channels/room%3A1/presence");
    expect(presence).toMatchObject({ channel: "room:1", count: 1, users: ["watcher"] });
    expect(await nodes.two.processes()).toHaveLength(3);
  });
  expect(await nodes.two.json("POST", "/sse/push", { user_id: "u1", data: 1 })).toMatchObject({ status: "partial" });
  // The dead node's claims are free, directly and through HAProxy, which avoids the dead node.
  for (let n = 0; n < 8; n++) {
    using again = await SocketUnderTest.open(`${nodes.proxy.wsUrl}?user_id=u${n}`);
    expect(again.welcome).toMatchObject({ user_id: `u${n}` });
  }
  for (const it of lost) it[Symbol.dispose]();
});

test.concurrent("POST /v1/drain empties one node: SDK clients move to the other through HAProxy, and miss nothing", async () => {
  await using nodes = await TwoNodes.start({ DRAIN_WINDOW: "2s", MESSAGE_RATE: "0" });
  const readers = Array.from({ length: 20 }, (_, n) => new Reader(nodes.proxy.url, `u${n}`));
  using watcher = await SocketUnderTest.open(`${nodes.two.wsUrl}?user_id=watcher`);
  await until(() => readers.every(({ isConnected }) => isConnected), "all readers are connected");
  await nodes.untilOnline(21);
  const held = await connectionsAt(nodes, nodes.one.url);
  expect(held).toBeGreaterThan(0);
  await watcher.until((it) => it.event === "joined" && it.online === 21);
  const before = watcher.frames.length;

  let published = 0;
  const publish = async () => {
    const n = ++published;
    await eventually(async () => {
      const answer = await nodes.proxy.request("POST", "/v1/publish", { channel: "room:1", data: n, id: `n${n}` });
      expect(answer.status).toBe(200);
    });
  };
  const isMoved = () => nodes.output.includes("node one has exited");
  for (let n = 0; n < 50; n++) await publish();
  const drained = await nodes.one.request("POST", "/v1/drain");
  expect(drained.status).toBe(202);
  await until(async () => {
    await publish();
    return isMoved();
  }, "node one has exited");
  for (let n = 0; n < 50; n++) await publish();
  const expected = Array.from({ length: published }, (_, n) => n + 1);
  for (const it of readers) {
    await until(() => it.received.length >= published, "a reader has everything");
    expect(it.received).toEqual(expected);
    expect(it.gaps).toEqual([]);
  }
  expect(await nodes.two.json("GET", "/health")).toMatchObject({ status: "healthy", connections: 21 });
  expect(nodes.output).toMatch(
    new RegExp(`one +\\| .*Stopped: \\{"initial":${held},"left":${held},"moved":0,"forced":0`),
  );
  // Clients that only moved cause no notices.
  const notices = watcher.frames.slice(before).filter(({ event }) => event === "left" || event === "joined");
  expect(notices).toEqual([]);
  for (const it of readers) it.close();
});

test.concurrent("the script stops everything it started, even when it is killed", async () => {
  await using nodes = await TwoNodes.start({ DRAIN_WINDOW: "0" });
  const pids = [...(await nodes.one.pids()), ...(await nodes.two.pids())];
  expect(pids).toHaveLength(6);
  nodes.signal("SIGKILL");
  await nodes.exited;
  const isUp = (url: string) => fetch(url).then(Boolean, () => false);
  await until(async () => !(await isUp(nodes.one.url)) && !(await isUp(nodes.two.url)), "both nodes are gone");
  await until(async () => !(await isUp(nodes.proxy.url)), "HAProxy is gone");
  await until(async () => !(await isUp(nodes.redisUrl.replace("redis:", "http:"))), "Redis is gone");
});

async function connectionsAt({ two }: TwoNodes, url: string): Promise<number> {
  const own = (await two.processes()).filter(({ name }) => String(name).includes(`:${new URL(url).port} `));
  return own.reduce((sum, { active_connections = 0 }: Frame) => sum + Number(active_connections), 0);
}

/** The SDK, as a page uses it. */
class Reader {
  readonly received: number[] = [];
  readonly gaps: unknown[] = [];
  readonly #client;

  constructor(url: string, userId: string) {
    this.#client = createClient(url, { userId });
    const room = this.#client.channel<number>("room:1");
    room.on("message", ({ data }) => void this.received.push(data));
    room.on("gap", (gap) => void this.gaps.push(gap));
  }

  get isConnected(): boolean {
    return this.#client.state.status === "connected";
  }

  close(): void {
    this.#client.close();
  }
}
