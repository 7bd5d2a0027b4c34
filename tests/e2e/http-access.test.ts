import { describe, expect, test } from "bun:test";
import { makeToken } from "../../server/auth/token.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const secret = "a secret of more than 32 bytes, for these tests";
const keys = { publish: "publish-key-0123456789", read: "read-key-0123456789ab", admin: "admin-key-5f3a9c1e7b2d" };
const scoped = Object.entries(keys).map(([scope, key]) => `${scope}@${key}`);
const secured = { API_KEY: scoped.join(","), JWT_SECRET: secret };

type TokenOptions = Partial<Parameters<typeof makeToken>[0]>;

const tokenFor = (sub: string, options: TokenOptions = {}) =>
  makeToken({ secret, sub, subscribe: [], publish: [], expiresInS: undefined, ...options });

/** A handshake sent by a program that can see the status. */
async function handshakeStatus(server: ServerUnderTest, path: string, headers: Record<string, string> = {}) {
  const upgrade = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13" };
  const key = { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
  const response = await server.request("GET", path, undefined, { ...upgrade, ...key, ...headers });
  await response.body?.cancel();
  return response.status;
}

const get = (server: ServerUnderTest, headers: Record<string, string>) =>
  server.request("GET", "/health", undefined, headers);
const allowed = ({ headers }: Response) => headers.get("Access-Control-Allow-Origin");

describe("an open server", () => {
  test("accepts only loopback names and origins, so that no website can control it", async () => {
    await using server = await startServer();
    const own = { Origin: server.url };
    for (const Host of [`localhost:${server.port}`, "localhost", "127.0.0.1", "[::1]:80", "fanfare.localhost"]) {
      expect([Host, (await get(server, { Host })).status]).toEqual([Host, 200]);
    }
    for (const Host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.1", "1"]) {
      const response = await get(server, { Host });
      expect([Host, response.status, allowed(response)]).toEqual([Host, 403, null]);
      expect(await response.json()).toMatchObject({ code: "forbidden", detail: expect.stringContaining("Host") });
      expect((await get(server, { Host, ...own })).status).toBe(403);
    }
    for (const Origin of [server.url, "http://localhost:3000", "https://127.0.0.1", "chrome-extension://abcdef"]) {
      const response = await get(server, { Origin });
      expect([Origin, response.status, allowed(response)]).toEqual([Origin, 200, Origin]);
      expect(response.headers.get("Vary")).toContain("Origin");
      expect(response.headers.get("Access-Control-Expose-Headers")).toBe("Retry-After");
    }
    for (const Origin of [
      "https://evil.example",
      "null",
      "http://localhost.evil.example",
      "http://evil.example:8000",
      "x",
    ]) {
      const response = await get(server, { Origin });
      expect([Origin, response.status, allowed(response)]).toEqual([Origin, 403, null]);
    }
    const pushed = await server.request(
      "POST",
      "/sse/push",
      { user_id: "u", data: 1 },
      { Origin: "https://evil.example" },
    );
    expect(pushed.status).toBe(403);
    expect(await (await server.request("GET", "/v1/channels")).json()).toEqual({ channels: [] });
  });

  test("answers CORS preflight requests", async () => {
    await using server = await startServer();
    const asked = { "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" };
    const Origin = "http://localhost:5173";
    const response = await server.request("OPTIONS", "/sse/push", undefined, { Origin, ...asked });
    expect([response.status, allowed(response)]).toEqual([204, Origin]);
    expect(response.headers.get("Access-Control-Allow-Methods")).toContain("POST");
    expect(response.headers.get("Access-Control-Allow-Headers")).toMatch(/Content-Type/i);
    const foreign = { Origin: "https://evil.example", ...asked };
    expect((await server.request("OPTIONS", "/sse/push", undefined, foreign)).status).toBe(403);
    const failed = await server.request("POST", "/sse/push", "{", { Origin });
    expect([failed.status, allowed(failed)]).toEqual([400, Origin]);
  });

  test("refuses handshakes from foreign pages with a close code, and refuses handshakes for foreign host names", async () => {
    await using server = await startServer();
    const headers = { Origin: "https://evil.example" };
    using page = new SocketUnderTest(server.wsUrl, { headers });
    expect(await page.untilClosed()).toMatchObject({ code: 4500, reason: expect.stringContaining("Origin") });
    expect(page.frames).toEqual([]);
    expect(await handshakeStatus(server, "/ws", { Host: "evil.example" })).toBe(403);
    using extension = await SocketUnderTest.open(server.wsUrl, { headers: { Origin: "moz-extension://abc" } });
    expect(extension.welcome.online).toBe(1);
  });

  test("accepts the origins in CORS_ORIGINS and its own, and no others", async () => {
    await using server = await startServer({ env: { CORS_ORIGINS: "https://app.example, https://b.example:8443" } });
    const statuses = async (origins: string[]) =>
      Promise.all(origins.map(async (Origin) => (await get(server, { Origin })).status));
    expect(await statuses(["https://app.example", "https://b.example:8443", server.url])).toEqual([200, 200, 200]);
    expect(await statuses(["http://localhost:3000", "https://b.example", "https://app.example.evil"])).toEqual([
      403, 403, 403,
    ]);
  });

  test("checks neither Host nor Origin with INSECURE", async () => {
    await using server = await startServer({ flags: ["--insecure"] });
    const headers = { Host: "anything.example", Origin: "https://evil.example" };
    const response = await get(server, headers);
    expect([response.status, allowed(response)]).toEqual([200, "https://evil.example"]);
    using socket = await SocketUnderTest.open(server.wsUrl, { headers });
    expect(socket.welcome.protocol).toBe(1);
  });
});

describe("a secured server", () => {
  test("allows each operation only to keys with its scope", async () => {
    await using server = await startServer({ env: secured });
    const verbs = [
      ["publish", "POST", "/sse/push", { user_id: "u", data: 1 }],
      ["publish", "POST", "/sse/push/batch", []],
      ["publish", "POST", "/v1/publish", { channel: "a", data: 1 }],
      ["publish", "POST", "/v1/channels/a/messages", '"hi"'],
      ["read", "GET", "/v1/channels", undefined],
      ["read", "GET", "/v1/channels/a", undefined],
      ["read", "GET", "/v1/channels/a/history", undefined],
      ["read", "GET", "/v1/channels/a/presence", undefined],
      ["read", "GET", "/v1/connections", undefined],
      ["read", "GET", "/metrics", undefined],
      ["admin", "DELETE", "/v1/users/u/connections", undefined],
    ] as const;
    for (const [scope, method, path, body] of verbs) {
      const none = await server.request(method, path, body);
      expect([path, none.status, none.headers.get("WWW-Authenticate")]).toEqual([path, 401, "Bearer"]);
      expect((await server.request(method, path, body, { "X-API-Key": "wrong-key-0123456789" })).status).toBe(401);
      for (const [name, key] of Object.entries(keys)) {
        const status = (await server.request(method, path, body, { Authorization: `Bearer ${key}` })).status;
        expect([path, name, status]).toEqual([path, name, name === scope ? 200 : 403]);
        expect((await server.request(method, path, body, { "X-API-Key": key })).status).toBe(status);
      }
    }
    for (const key of Object.values(keys)) expect(server.output).not.toContain(key);
  });

  test("shows only the status in /health without a key", async () => {
    await using server = await startServer({ env: secured });
    expect(await (await server.request("GET", "/health")).json()).toEqual({ status: "healthy" });
    const read = { "X-API-Key": keys.read };
    expect(await (await server.request("GET", "/health", undefined, read)).json()).toMatchObject({ connections: 0 });
    for (const path of ["/livez", "/readyz"]) expect((await server.request("GET", path)).status).toBe(200);
  });

  test("accepts pages of its own origin, under any host name", async () => {
    await using server = await startServer({ env: secured });
    const Host = "push.example:8443";
    expect((await get(server, { Host, Origin: `https://${Host}` })).status).toBe(200);
    expect((await get(server, { Host, Origin: "http://localhost:3000" })).status).toBe(403);
    expect((await get(server, { Host })).status).toBe(200);
  });

  test("identifies the user by the token, wherever it is sent, and logs no token", async () => {
    await using server = await startServer({ env: { ...secured, LOG_LEVEL: "DEBUG" } });
    const token = await tokenFor("alice", { subscribe: ["room:*"] });
    using byQuery = await SocketUnderTest.open(`${server.wsUrl}?token=${token}&channel=room:1`);
    using byHeader = await SocketUnderTest.open(server.wsUrl, { headers: { Authorization: `Bearer ${token}` } });
    using byProtocol = await SocketUnderTest.open(server.wsUrl, {
      protocols: ["fanfare.v1", `fanfare.token.${token}`],
    });
    for (const socket of [byQuery, byHeader, byProtocol]) {
      expect(socket.welcome.user_id).toBe("alice");
      expect(socket.welcome).not.toHaveProperty("online");
    }
    byQuery.send({ type: "publish", channel: "room:1", data: 1, ref: 1 });
    byQuery.send({ type: "subscribe", channel: "other", ref: 2 });
    byQuery.send({ type: "message", message: "chat is off", ref: 3 });
    await byQuery.until((it) => it.ref === 3);
    expect(byQuery.frames.filter((it) => it.type === "error").map(({ code }) => code)).toEqual(
      Array(3).fill("forbidden"),
    );
    for (const part of token.split(".")) expect(server.output).not.toContain(part);
  });

  test("refuses clients without a valid token with a status, or with a close code for browsers", async () => {
    await using server = await startServer({ env: secured });
    const token = await tokenFor("alice");
    const foreign = await tokenFor("alice", { secret: "another secret that has more than 32 bytes" });
    expect(await handshakeStatus(server, "/ws")).toBe(401);
    expect(await handshakeStatus(server, "/ws?user_id=alice")).toBe(401);
    expect(await handshakeStatus(server, `/ws?token=${foreign}`)).toBe(401);
    expect(await handshakeStatus(server, `/ws?token=${token}&user_id=bob`)).toBe(403);
    // A forbidden channel is an error after the welcome. It does not refuse the connection.
    expect(await handshakeStatus(server, `/ws?token=${token}&channel=room:1`)).toBe(101);
    using refused = new SocketUnderTest(`${server.wsUrl}?token=${foreign}`, { protocols: ["fanfare.v1"] });
    expect(await refused.untilClosed()).toMatchObject({ code: 4500 });
    expect((await server.request("GET", `/sse?token=${foreign}`)).status).toBe(401);
  });

  test("closes connections with an expired token with 4010, unless a new one arrives in time", async () => {
    await using server = await startServer({ env: secured });
    // Tokens are accepted for 5 s after their expiry, since clocks differ. This one was made that long ago.
    const wish = { secret, sub: "alice", subscribe: [], publish: [], expiresInS: 2 };
    const short = () => makeToken(wish, { now: () => Date.now() - 5000 });
    using lapsed = await SocketUnderTest.open(`${server.wsUrl}?token=${await short()}`);
    using renewed = await SocketUnderTest.open(`${server.wsUrl}?token=${await short()}`);
    renewed.send({ type: "auth", token: await tokenFor("bob"), ref: 1 });
    expect(await renewed.until((it) => it.ref === 1)).toMatchObject({ type: "error", code: "forbidden" });
    renewed.send({ type: "auth", token: await tokenFor("alice", { expiresInS: 3600 }), ref: 2 });
    const answer = await renewed.until((it) => it.ref === 2);
    expect(Date.parse(String(answer.expires_at)) - Date.now()).toBeGreaterThan(3_000_000);
    expect(await lapsed.untilClosed()).toMatchObject({ code: 4010 });
    expect(renewed.closed).toBeUndefined();
  });
});

describe("USER_CONNECTIONS", () => {
  test("reject: the second connection of a user is refused, unless it takes over", async () => {
    await using server = await startServer({ env: { USER_CONNECTIONS: "reject" } });
    using first = await SocketUnderTest.open(`${server.wsUrl}?user_id=u`);
    expect(await handshakeStatus(server, "/ws?user_id=u")).toBe(409);
    using browser = new SocketUnderTest(`${server.wsUrl}?user_id=u`, { headers: { Origin: server.url } });
    expect(await browser.untilClosed()).toMatchObject({ code: 4501 });
    using next = await SocketUnderTest.open(`${server.wsUrl}?user_id=u&takes_over=${first.welcome.resume_key}`);
    expect(await first.untilClosed()).toMatchObject({ code: 1000 });
    expect(next.closed).toBeUndefined();
    next.close();
    await next.untilClosed();
    using again = await SocketUnderTest.open(`${server.wsUrl}?user_id=u`);
    expect(again.welcome.user_id).toBe("u");
  });

  test("replace: the first connection of a user is closed with 4502", async () => {
    await using server = await startServer({ env: { USER_CONNECTIONS: "replace" } });
    using first = await SocketUnderTest.open(`${server.wsUrl}?user_id=u`);
    using other = await SocketUnderTest.open(`${server.wsUrl}?user_id=v`);
    using second = await SocketUnderTest.open(`${server.wsUrl}?user_id=u`);
    expect(await first.untilClosed()).toMatchObject({ code: 4502 });
    expect([other.closed, second.closed]).toEqual([undefined, undefined]);
  });
});

test("clients beyond the limits are told when to retry", async () => {
  await using server = await startServer({ env: { MAX_CONNECTIONS: "2", MAX_CONNECTIONS_PER_USER: "1" } });
  using _u = await SocketUnderTest.open(`${server.wsUrl}?user_id=u`);
  expect(await handshakeStatus(server, "/ws?user_id=u")).toBe(429);
  using _v = await SocketUnderTest.open(`${server.wsUrl}?user_id=v`);
  const refused = await server.request("GET", "/ws", undefined, {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  });
  expect([refused.status, refused.headers.get("Retry-After")]).toEqual([503, "5"]);
  using coded = new SocketUnderTest(server.wsUrl, { protocols: ["fanfare.v1"] });
  expect(await coded.untilClosed()).toMatchObject({ code: 4053 });
  const stream = await server.request("GET", "/sse");
  expect([stream.status, await stream.text()]).toEqual([
    200,
    expect.stringMatching(/^retry: \d+\nevent: system\ndata: .*"code":4053.*\n\n$/),
  ]);
});
