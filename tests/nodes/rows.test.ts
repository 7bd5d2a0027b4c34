import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { runProgram } from "../e2e/program.ts";
import { type Frame, SocketUnderTest } from "../e2e/socket.ts";
import { StreamUnderTest } from "../e2e/stream.ts";
import { Shared } from "../shared.ts";
import { eventually } from "../waiting.ts";
import { type Node, TwoNodes } from "./two-nodes.ts";

/** Enough that each of two workers has some, except in one of a billion runs. */
const each = 30;

let nodes: TwoNodes;
const shared = new Shared();
beforeAll(async () => {
  nodes = await shared.use(TwoNodes.start());
}, 240_000);
afterAll(() => shared.close(), 240_000);

const opened: SocketUnderTest[] = [];
afterEach(async () => {
  for (const it of opened.splice(0)) it[Symbol.dispose]();
  await nodes.untilOnline(0);
});

async function open(node: Node, query: string): Promise<SocketUnderTest> {
  const socket = await SocketUnderTest.open(`${node.wsUrl}?${query}`);
  opened.push(socket);
  return socket;
}

async function openMany(): Promise<SocketUnderTest[]> {
  const sockets = await nodes.openMany(each);
  opened.push(...sockets);
  return sockets;
}

/** The channel's position in the welcome, in the form of `since`. */
function cursorOf({ welcome }: SocketUnderTest, channel: string): string {
  const place = (welcome.channels as Record<string, { epoch: string; offset: number }>)[channel];
  return encodeURIComponent(`${encodeURIComponent(channel)}~${place?.epoch}~${place?.offset}`);
}

describe("R1: a broadcast server", () => {
  test("`send_now` from any client reaches every client on every worker of both nodes, once", async () => {
    const clients = await openMany();
    const senders = [0, 1, each, each + 1];
    for (const n of senders) clients[n]?.send("send_now");
    await nodes.two.request("POST", "/v1/publish", { channel: "all", message: "the end" });
    for (const it of clients) {
      await it.untilMessages(senders.length + 1);
      await it.until(({ message }) => message === "the end");
    }
    const [first] = clients;
    expect(first?.messages.filter(({ message }) => message === "IM sent")).toHaveLength(senders.length);
    const offsets = first?.messages.map(({ offset }) => offset);
    for (const { messages } of clients) expect(messages.map(({ offset }) => offset)).toEqual(offsets ?? []);
  });
});

describe("R4: a push gateway", () => {
  test("a push reaches a user on the other node, and the answer says so", async () => {
    const bob = await open(nodes.two, "user_id=bob");
    const answer = await nodes.one.json("POST", "/sse/push", { user_id: "bob", data: 1, event_id: "e1" });
    expect(answer).toMatchObject({ status: "success" });
    // The same event sent to the other node is a duplicate.
    await nodes.two.json("POST", "/sse/push", { user_id: "bob", data: 1, event_id: "e1" });
    await nodes.one.json("POST", "/sse/push", { user_id: "bob", data: 2 });
    await bob.untilMessages(2);
    expect(bob.messages.map(({ data }) => data)).toEqual([1, 2]);
  });

  test("a push to a user who is not connected is `partial` on either node, and is delivered on resume at the other", async () => {
    const early = await open(nodes.one, "user_id=carol");
    const since = cursorOf(early, "@carol");
    early.close();
    await nodes.untilOnline(0);
    for (const [n, node] of nodes.both.entries()) {
      const push = { user_id: "carol", data: n, event_id: `for carol ${n}` };
      // Redis may not know yet that the node no longer listens for the user. The same event is stored once.
      await eventually(async () => {
        expect(await node.json("POST", "/sse/push", push)).toMatchObject({ status: "partial" });
      });
    }
    const late = await open(nodes.two, `user_id=carol&since=${since}`);
    await late.untilMessages(2);
    expect(late.messages.map(({ data }) => data)).toEqual([0, 1]);
  });

  test("a batch is answered per item and arrives in order, whichever node the users are on", async () => {
    const users = nodes.both.map((node, n) => open(node, `user_id=user${n}`));
    const [here, there] = await Promise.all(users);
    const items = Array.from({ length: 100 }, (_, n) => ({ user_id: ["user0", "user1", "nobody"][n % 3], data: n }));
    const { results } = await nodes.one.json("POST", "/sse/push/batch", items);
    const expected: Frame[] = items.map(({ user_id }) => ({ user_id, success: user_id !== "nobody" }));
    expect((results as Frame[]).map(({ user_id, success }): Frame => ({ user_id, success }))).toEqual(expected);
    for (const [n, it] of [here, there].entries()) {
      const wanted = items.filter(({ user_id }) => user_id === `user${n}`).map(({ data }) => data);
      await it?.untilMessages(wanted.length);
      expect(it?.messages.map(({ data }) => data)).toEqual(wanted);
    }
  });

  test("connections on the other node are listed, and closed by connection and by user", async () => {
    const sockets = await Promise.all([1, 2, 3].map(() => open(nodes.two, "user_id=dave")));
    const [first, ...others] = sockets;
    await nodes.untilOnline(3);
    const { connections } = await nodes.one.json("GET", "/v1/connections");
    const ids = sockets.map(({ welcome }) => welcome.connection_id);
    expect((connections as Frame[]).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    const id = first?.welcome.connection_id;
    expect(await nodes.one.json("DELETE", `/v1/connections/${id}`)).toEqual({ closed: 1 });
    expect((await first?.untilClosed())?.code).toBe(4504);
    await nodes.untilOnline(2);
    expect(await nodes.one.json("DELETE", "/v1/users/dave/connections")).toEqual({ closed: 2 });
    for (const it of others) expect((await it.untilClosed()).code).toBe(4504);
    await nodes.untilOnline(0);
  });

  test("either node lists all processes, and counts the connections of both", async () => {
    await openMany();
    await nodes.untilOnline(2 * each);
    const ports = nodes.both.map(({ url }) => new URL(url).port);
    const roles = ["supervisor", "worker 1", "worker 2"];
    const expected = ports.flatMap((port) => roles.map((role) => `:${port} ${role}`));
    for (const node of nodes.both) {
      const processes = await node.processes();
      expect(processes.map(({ name }) => String(name).replace(/^[^:]+/, "")).toSorted()).toEqual(expected.toSorted());
      expect(new Set(processes.map(({ status }) => status))).toEqual(new Set(["healthy"]));
      for (const { name, node: machine } of processes) expect(String(name)).toStartWith(`${machine} `);
      const held = processes.reduce((sum, { active_connections = 0 }) => sum + Number(active_connections), 0);
      expect(held).toBe(2 * each);
      expect(await node.json("GET", "/metrics")).toMatchObject({ active_connections: 2 * each });
    }
    const { out } = await runProgram(["status", "--url", nodes.one.url]);
    for (const port of ports) for (const role of roles) expect(out).toMatch(new RegExp(`:${port} ${role} `));
    expect(out).toMatch(new RegExp(`^all +healthy +${2 * each} \\(${2 * each} users\\)`, "m"));
  });
});

describe("a trace", () => {
  const trace = async (node: Node, query: string) => {
    const { summary, complete, connections } = await node.json("GET", `/v1/trace?${query}`);
    const those = connections as Frame[];
    return { summary, complete, connections: those, verdicts: those.map(({ verdict }) => verdict) };
  };

  test("on either node explains a message on the connections to both", async () => {
    const sockets = await Promise.all(nodes.both.map((it) => open(it, "user_id=olivia&channel=room:trace")));
    await nodes.one.json("POST", "/v1/publish", { channel: "room:trace", data: 1, id: "t1" });
    for (const it of sockets) await it.until(({ id }) => id === "t1");
    const query = "user=olivia&channel=room:trace&id=t1";
    for (const node of nodes.both) {
      await eventually(async () => {
        const { verdicts, connections, complete } = await trace(node, query);
        expect({ verdicts, complete }).toEqual({ verdicts: ["drained", "drained"], complete: true });
        const ids = sockets.map(({ welcome }) => welcome.connection_id);
        expect(connections.map((it) => it.connection_id).toSorted()).toEqual(ids.toSorted());
      });
    }
    for (const it of sockets) it.close();
    await nodes.untilOnline(0);
    await nodes.two.json("POST", "/v1/publish", { channel: "room:trace", data: 2, id: "t2" });
    for (const node of nodes.both) {
      expect((await trace(node, query)).verdicts).toEqual(["sent-before-end", "sent-before-end"]);
      expect((await trace(node, "user=olivia&channel=room:trace&id=t2")).verdicts).toEqual(["gone", "gone"]);
    }
  });

  test("finds a message in a channel that never had a subscriber", async () => {
    expect((await nodes.one.request("GET", "/v1/channels/room:unheard")).status).toBe(404);
    await nodes.one.json("POST", "/v1/publish", { channel: "room:unheard", data: 1, id: "u1" });
    for (const node of nodes.both) {
      const { summary } = await trace(node, "user=peggy&channel=room:unheard&id=u1");
      expect(summary).toStartWith("u1 is offset 1 of room:unheard");
      expect(await node.json("GET", "/v1/channels/room:unheard")).toMatchObject({ offset: 1, connections: 0 });
    }
  });

  test("a live tail on one node shows events of the other", async () => {
    using tail = await StreamUnderTest.connect(`${nodes.one.url}/v1/tail?channel=room:tail`);
    await eventually(async () => {
      await nodes.two.json("POST", "/v1/publish", { channel: "room:tail", data: 1 });
      const port = new URL(nodes.two.url).port;
      expect(tail.frames).toContainEqual(
        expect.objectContaining({ kind: "published", worker: expect.stringContaining(`:${port} worker `) }),
      );
    });
  });
});

describe("R5: a chat", () => {
  test("a message reaches everyone, including the sender; join and leave notices reach both nodes", async () => {
    const alice = await open(nodes.one, "user_id=alice");
    await nodes.untilOnline(1);
    const bob = await open(nodes.two, "user_id=bob");
    expect(bob.welcome).toMatchObject({ online: 2 });
    await alice.until((it) => it.event === "joined" && it.online === 2);
    bob.send({ type: "message", message: "Hi", sender: "Bob" });
    for (const it of [alice, bob]) {
      expect(await it.until(({ type }) => type === "message")).toMatchObject({ message: "Hi", sender: "Bob" });
    }
    bob.close();
    const left = await alice.until((it) => it.event === "left" && it.online === 1);
    expect(left).toMatchObject({ message: "A client has left the chat. 1 client(s) online." });
  });

  test("either node knows who is in a channel", async () => {
    await open(nodes.one, "user_id=erin&channel=room:1");
    await open(nodes.two, "user_id=frank&channel=room:1");
    for (const node of nodes.both) {
      await eventually(async () => {
        const presence = await node.json("GET", "/v1/channels/room%3A1/presence");
        expect(presence).toMatchObject({ channel: "room:1", count: 2, users: ["erin", "frank"] });
      });
      const { channels } = await node.json("GET", "/v1/channels");
      expect(channels).toContainEqual(expect.objectContaining({ channel: "room:1", connections: 2 }));
    }
  });

  test("a connection takes over one on the other node: without notices, and nothing is missed", async () => {
    const watcher = await open(nodes.two, "user_id=watcher");
    const old = await open(nodes.one, "user_id=grace&channel=room:2");
    await nodes.untilOnline(2);
    await watcher.until((it) => it.event === "joined" && it.online === 2);
    const before = watcher.frames.length;
    await nodes.two.json("POST", "/v1/publish", { channel: "room:2", data: "between" });
    const place = `since=${cursorOf(old, "room:2")}&takes_over=${old.welcome.resume_key}`;
    const next = await open(nodes.two, `user_id=grace&channel=room:2&${place}`);
    expect(await old.untilClosed()).toEqual({ code: 1000, reason: "continued by a newer connection" });
    await next.until(({ data }) => data === "between");
    await nodes.untilOnline(2);
    // A notice would have come before the end of the second in which notices are gathered: this is the next one.
    await open(nodes.one, "user_id=heidi");
    await watcher.until((it) => it.event === "joined" && it.online === 3);
    expect(watcher.frames.slice(before).filter(({ event }) => event === "left")).toEqual([]);
  });
});

test("each client gets each periodic message once, with any number of workers and nodes", async () => {
  await using timed = await TwoNodes.start({ NOTIFICATION_INTERVAL: "1s" });
  const clients = await timed.openMany(each);
  const isScheduled = ({ message }: Frame) => message === "Scheduled broadcast";
  for (const it of clients) await it.until(() => it.messages.filter(isScheduled).length >= 4);
  for (const { messages } of clients) {
    const moments = messages
      .filter(isScheduled)
      .map(({ timestamp }) => Math.floor(Date.parse(String(timestamp)) / 1000));
    const [first = 0] = moments;
    expect(moments).toEqual(moments.map((_, n) => first + n));
  }
});
