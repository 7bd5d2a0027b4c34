import { expect } from "bun:test";
import { cursorOf, inChannel, joinedIn, rule, untilInChannel, type WireRule } from "./wire-server.ts";

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** §2: the handshake and the welcome. */
export const connectingRules: readonly WireRule[] = [
  rule("the first frame is the welcome, with everything that a client needs to reconnect", async (server) => {
    const user = server.fresh("user");
    const socket = await server.open(`user_id=${user}`);
    expect(socket.frames[0]).toMatchObject({ type: "system", event: "welcome", protocol: 1, user_id: user });
    const { connection_id, resume_key, ping_interval_ms, timestamp } = socket.welcome;
    expect(connection_id).toStartWith("c_");
    expect(String(resume_key).length).toBeGreaterThanOrEqual(16);
    expect(ping_interval_ms).toBeNumber();
    const { max_message_bytes, message_rate, max_channels } = Object(socket.welcome.limits);
    expect([max_message_bytes, message_rate, max_channels].every((it) => Number.isSafeInteger(it))).toBe(true);
    expect(timestamp).toMatch(isoTime);
    for (const channel of ["all", `@${user}`]) {
      const { epoch, offset, from } = joinedIn(socket, channel);
      expect(epoch).toBeString();
      expect(from).toBe(Number(offset) + 1);
    }
  }),
  rule("channels in the URL are joined in the welcome, as `channel` or `channels`, each once", async (server) => {
    const [a, b, c] = [server.fresh("room"), server.fresh("room"), server.fresh("room")];
    const socket = await server.open(`channel=${a}&channel=${b}&channels=${c},${a}&channel=`);
    expect(Object.keys(Object(socket.welcome.channels)).sort()).toEqual(["all", a, b, c].sort());
  }),
  rule("a handshake with a forbidden channel opens with the others, and says so", async (server) => {
    const [user, other, channel] = [server.fresh("user"), server.fresh("user"), server.fresh("room")];
    const client = await server.open(`user_id=${user}&channel=@${other}&channel=${channel}`);
    const error = await client.until(({ type }) => type === "error");
    expect(error).toMatchObject({ code: "forbidden", channel: `@${other}` });
    await server.publish({ channel, data: 1 });
    await untilInChannel(client, channel, 1);
  }),
  rule("a word in `since` returns the requested messages after the welcome", async (server) => {
    const channel = server.fresh("room");
    for (let at = 1; at <= 5; at++) await server.publish({ channel, data: at });
    for (const [since, count] of [
      ["earliest", 5],
      ["5m", 5],
      ["last:2", 2],
      ["last:99", 5],
    ] as const) {
      const socket = await server.open(`channel=${channel}&since=${since}`);
      expect(joinedIn(socket, channel)).toMatchObject({ offset: 5, from: 6 - count });
      expect(joinedIn(socket, channel)).not.toHaveProperty("recovered");
      const messages = await untilInChannel(socket, channel, count);
      expect(messages.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5].slice(-count));
    }
  }),
  rule(
    "a cursor resumes the requested channels that it names and joins no others; requested channels that it does not name are live",
    async (server) => {
      const [named, unasked, live] = [server.fresh("room"), server.fresh("room"), server.fresh("room")];
      const first = await server.open(`channel=${named}&channel=${unasked}`);
      for (const channel of [named, unasked, live]) await server.publish({ channel, message: "missed" });
      const cursor = [named, unasked].map((it) => cursorOf(it, joinedIn(first, it).epoch, 0)).join(",");
      const socket = await server.open(`channel=${named}&channel=${live}&since=${encodeURIComponent(cursor)}`);
      expect(Object.keys(Object(socket.welcome.channels)).sort()).toEqual(["all", named, live].sort());
      expect(joinedIn(socket, named)).toMatchObject({ offset: 1, from: 1, recovered: true });
      expect(joinedIn(socket, live)).not.toHaveProperty("recovered");
      await server.publish({ channel: live, message: "now" });
      expect((await untilInChannel(socket, live, 1))[0]).toMatchObject({ message: "now", offset: 2 });
      expect(await untilInChannel(socket, named, 1)).toMatchObject([{ message: "missed", offset: 1 }]);
      expect(inChannel(socket, unasked)).toEqual([]);
    },
  ),
  rule("a handshake on / is the same endpoint", async (server) => {
    const socket = server.handshake(`/?user_id=${server.fresh("user")}`);
    expect(await socket.until((it) => it.event === "welcome")).toMatchObject({ protocol: 1 });
  }),
  rule("of several subprotocols `fanfare.v1` is chosen, and never another one", async (server) => {
    const chosen = async (offered: string) => {
      const headers = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13" };
      const key = { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": offered };
      const response = await server.request("GET", "/ws", { headers: { ...headers, ...key } });
      await response.body?.cancel();
      expect(response.status).toBe(101);
      return response.headers.get("Sec-WebSocket-Protocol");
    };
    expect(await chosen("chat, fanfare.v1")).toBe("fanfare.v1");
    expect(await chosen("chat, superchat")).toBeOneOf([null, ""]);
  }),
  rule("a request that is not a handshake is answered with 426", async (server) => {
    const response = await server.request("GET", "/ws");
    expect([response.status, response.headers.get("Upgrade")]).toEqual([426, "websocket"]);
    expect(await response.json()).toMatchObject({ status: 426, code: "upgrade-required" });
  }),
  rule("a client that sees only close codes is refused with one: 4503 for an invalid name", async (server) => {
    const browser = server.handshake("/ws?channel=a%20b", { headers: { Origin: server.url } });
    expect(await browser.untilClosed()).toMatchObject({ code: 4503 });
    const program = server.handshake("/ws?since=soon", { protocols: ["fanfare.v1"] });
    const { code, reason } = await program.untilClosed();
    expect([code, reason]).toEqual([4503, expect.stringContaining("since")]);
  }),
];
