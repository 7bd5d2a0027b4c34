import { expect } from "bun:test";
import type { Frame, SocketUnderTest } from "../../e2e/socket.ts";
import { ask, cursorOf, joinedIn, rule, untilInChannel, type WireRule, type WireServer } from "./wire-server.ts";

const noticesOf = (socket: SocketUnderTest, event: string): readonly Frame[] =>
  socket.frames.filter((it) => it.type === "system" && it.event === event);

/** §2, §4 and §6: join and leave notices, takeovers, and the ways in which a connection ends. */
export const livingRules: readonly WireRule[] = [
  rule("other clients are notified when a client joins or leaves", async (server) => {
    const witness = await server.open();
    const other = await server.open();
    const joined = await witness.until((it) => it.event === "joined");
    expect([joined.type, typeof joined.online]).toEqual(["system", "number"]);
    expect(joined.message).toBe(`A new client has joined the chat. ${joined.online} client(s) online.`);
    other.close();
    const left = await witness.until((it) => it.event === "left");
    expect(left.message).toBe(`A client has left the chat. ${left.online} client(s) online.`);
  }),
  rule("notices are batched: a storm of new connections causes only a few", async (server) => {
    const witness = await server.open();
    const online = () => Math.max(0, ...noticesOf(witness, "joined").map((it) => Number(it.online)));
    const began = performance.now();
    await Promise.all(Array.from({ length: 25 }, () => server.open()));
    await witness.until(() => online() >= 26);
    const seconds = (performance.now() - began) / 1000;
    expect(noticesOf(witness, "joined").length).toBeLessThanOrEqual(2 + Math.ceil(seconds));
  }),
  rule(
    "a connection that takes over another one catches up before the old one is closed, and causes no notices",
    async (server) => {
      // Other clients may come and go meanwhile, so that one takeover without a notice is enough.
      let notices = await noticesOfTakeover(server);
      for (let attempt = 1; notices > 0 && attempt < attempts; attempt++) notices = await noticesOfTakeover(server);
      expect(notices).toBe(0);
    },
  ),
  rule("a close by the client is answered with a close", async (server) => {
    const socket = await server.open();
    socket.close(1000);
    expect(await socket.untilClosed()).toMatchObject({ code: 1000 });
  }),
  rule("a binary frame closes the connection with 1003", async (server) => {
    const socket = await server.open();
    socket.send(new Uint8Array([1, 2, 3]));
    expect(await socket.untilClosed()).toMatchObject({ code: 1003 });
  }),
  rule("a frame over the limit closes the connection with 1009", async (server) => {
    const socket = await server.open();
    socket.send("x".repeat(32 * 1024 * 1024));
    expect((await socket.untilClosed()).code).toBeOneOf([1009, 1006]);
  }),
  rule("an operator can close a connection, or all connections of a user, with 4504", async (server) => {
    const user = server.fresh("user");
    const sockets = [
      await server.open(`user_id=${user}`),
      await server.open(`user_id=${user}`),
      await server.open(`user_id=${user}`),
    ];
    const [first, ...rest] = sockets;
    expect((await server.request("DELETE", `/v1/connections/${first?.welcome.connection_id}`)).status).toBe(200);
    expect(await first?.untilClosed()).toMatchObject({ code: 4504 });
    expect(rest.map(({ closed }) => closed)).toEqual([undefined, undefined]);
    const kicked = await server.request("DELETE", `/v1/users/${user}/connections`);
    expect(await kicked.json()).toEqual({ closed: 2 });
    for (const socket of rest) expect(await socket.untilClosed()).toMatchObject({ code: 4504 });
    expect((await server.request("DELETE", "/v1/connections/c_nobody")).status).toBe(404);
  }),
];

const attempts = 5;
/** Notices are batched for a second. */
const batchMs = 1200;

/** How many notices another client gets while one connection takes over another. */
async function noticesOfTakeover(server: WireServer): Promise<number> {
  const [user, channel] = [server.fresh("user"), server.fresh("room")];
  const witness = await server.open(`channel=${channel}`);
  const old = await server.open(`user_id=${user}&channel=${channel}`);
  await server.publish({ channel, data: 1 });
  await untilInChannel(old, channel, 1);
  const notices = () => noticesOf(witness, "joined").length + noticesOf(witness, "left").length;
  await witness.until((it) => it.event === "joined");
  await Bun.sleep(batchMs);
  const before = notices();
  const since = encodeURIComponent(cursorOf(channel, joinedIn(old, channel).epoch, 0));
  const takesOver = `takes_over=${old.welcome.resume_key}`;
  const fresh = await server.open(`user_id=${user}&channel=${channel}&since=${since}&${takesOver}`);
  expect((await untilInChannel(fresh, channel, 1))[0]).toMatchObject({ data: 1 });
  expect(await old.untilClosed()).toMatchObject({ code: 1000 });
  await Bun.sleep(batchMs);
  const count = notices() - before;
  expect(await ask(witness, { type: "presence", channel })).toMatchObject({ count: 2, users: [user] });
  for (const it of [witness, fresh]) it.close();
  return count;
}
