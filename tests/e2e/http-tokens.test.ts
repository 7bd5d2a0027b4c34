import { afterAll, beforeAll, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { exportJWK, SignJWT } from "jose";
import { createClient } from "../../client/client.ts";
import { makeToken } from "../../server/auth/token.ts";
import { Shared } from "../shared.ts";
import { until } from "../waiting.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";
import { StreamUnderTest } from "./stream.ts";

const secret = "a secret of thirty-two bytes or more";
const key = "publish-key-of-sixteen-and-more";
let server: ServerUnderTest;
let alice: Record<string, string>;

const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer({ env: { JWT_SECRET: secret, API_KEY: key } }));
  alice = await tokenOf("alice", { subscribe: ["room:*"], publish: ["room:1"] });
});
afterAll(() => shared.close());

async function tokenOf(
  userId: string,
  grants: { subscribe?: string[]; publish?: string[] },
): Promise<Record<string, string>> {
  const token = await makeToken({ sub: userId, subscribe: [], publish: [], expiresInS: 60, secret, ...grants });
  return { Authorization: `Bearer ${token}` };
}

const publish = (channel: string, headers: Record<string, string>, more: object = {}) =>
  server.request("POST", "/v1/publish", { channel, data: 1, ...more }, headers);

test("a user's token publishes where its grants allow it, as that user", async () => {
  expect((await publish("room:1", alice, { sender: "somebody else" })).status).toBe(200);
  const history = await server.request("GET", "/v1/channels/room:1/history", undefined, alice);
  expect(await history.json()).toMatchObject({ messages: [{ data: 1, sender: "alice" }] });
});

test("a user's token does not publish elsewhere: to another room, to all, to a user, or to several channels at once", async () => {
  for (const channel of ["room:2", "all", "other"]) expect((await publish(channel, alice)).status).toBe(403);
  const toUser = await server.request("POST", "/v1/publish", { user_id: "bob", data: 1 }, alice);
  expect(toUser.status).toBe(403);
  const both = await server.request("POST", "/v1/publish", { channels: ["room:1", "room:2"], data: 2 }, alice);
  const { results } = (await both.json()) as { results: { error?: { code: string } }[] };
  expect(results.map(({ error }) => error?.code)).toEqual([undefined, "forbidden"]);
});

test("a user's token can post a plain message as well", async () => {
  expect((await server.request("POST", "/v1/channels/room:1/messages", '"Hi"', alice)).status).toBe(200);
  expect((await server.request("POST", "/v1/channels/room:2/messages", '"Hi"', alice)).status).toBe(403);
});

test("a user's token reads history and presence of channels that it may subscribe to, including the user's own", async () => {
  for (const [path, status] of [
    ["/v1/channels/room:7/history", 200],
    ["/v1/channels/room:7/presence", 200],
    ["/v1/channels/@alice/history", 200],
    ["/v1/channels/@bob/history", 403],
    ["/v1/channels/other/history", 403],
    ["/v1/channels/other/presence", 403],
  ] as const) {
    expect([path, (await server.request("GET", path, undefined, alice)).status]).toEqual([path, status]);
  }
});

test("a user's token gives no access to operator endpoints", async () => {
  for (const [method, path] of [
    ["GET", "/v1/channels"],
    ["GET", "/v1/connections"],
    ["GET", "/metrics"],
    ["POST", "/sse/push"],
    ["POST", "/v1/drain"],
    ["DELETE", "/v1/users/bob/connections"],
  ] as const) {
    const answer = await server.request(
      method,
      path,
      method === "POST" ? { user_id: "bob", data: 1 } : undefined,
      alice,
    );
    expect([path, answer.status]).toEqual([path, 401]);
  }
});

test("a token with a foreign signature is refused", async () => {
  const forged = await makeToken({
    sub: "alice",
    subscribe: ["*"],
    publish: ["*"],
    expiresInS: 60,
    secret: `not ${secret}`,
  });
  expect((await publish("room:1", { Authorization: `Bearer ${forged}` })).status).toBe(401);
});

test("an expired token is distinguished from a wrong one, over HTTP and at both handshakes", async () => {
  const expired = await makeToken(
    { sub: "alice", subscribe: [], publish: [], expiresInS: 1, secret },
    { now: () => 0 },
  );
  const headers = { Authorization: `Bearer ${expired}` };
  for (const answer of [await publish("room:1", headers), await server.request("GET", "/sse", undefined, headers)]) {
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: "token-expired" });
  }
  for (const [token, code] of [
    [expired, 4010],
    ["nonsense", 4500],
  ] as const) {
    const closed = Promise.withResolvers<CloseEvent>();
    new WebSocket(`${server.wsUrl}?token=${token}`, ["fanfare.v1"]).onclose = closed.resolve;
    expect((await closed.promise).code).toBe(code);
  }
});

test("while the provider of the keys is unavailable, every endpoint says that the refusal is temporary, and accepts the token later", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const token = await new SignJWT({ sub: "alice", publish: ["room:1"] })
    .setProtectedHeader({ alg: "EdDSA", kid: "k" })
    .sign(privateKey);
  const keys = [{ ...(await exportJWK(publicKey)), kid: "k" }];
  let isUnavailable = true;
  using provider = Bun.serve({
    port: 0,
    fetch: () => (isUnavailable ? new Response("", { status: 503 }) : Response.json({ keys })),
  });
  await using server = await startServer({ env: { JWKS_URL: `http://127.0.0.1:${provider.port}/keys` } });
  const headers = { Authorization: `Bearer ${token}` };
  const publishing = () => server.request("POST", "/v1/publish", { channel: "room:1", data: 1 }, headers);
  const handshake = { ...headers, Upgrade: "websocket", Connection: "Upgrade" };
  for (const answer of [
    await publishing(),
    await server.request("POST", "/v1/session", undefined, headers),
    await server.request("GET", "/ws", undefined, handshake),
  ]) {
    expect([answer.status, answer.headers.get("Retry-After")]).toEqual([503, expect.stringMatching(/^[1-9][0-9]?$/)]);
    expect(await answer.json()).toMatchObject({ code: "keys-unavailable", retry_after_ms: expect.any(Number) });
  }
  using socket = new SocketUnderTest(`${server.wsUrl}?token=${token}`, { protocols: ["fanfare.v1"] });
  expect((await socket.untilClosed()).code).toBe(4053);
  using stream = await StreamUnderTest.connect(`${server.url}/sse?token=${token}`);
  expect(await stream.untilBlock(({ event }) => event === "system")).toMatchObject({ retry: expect.any(String) });
  expect(stream.frames).toMatchObject([{ event: "closing", code: 4053 }]);

  const client = createClient(server.url, { token });
  const codes = new Set<number>();
  client.on("state", ({ code }) => codes.add(code));
  await until(() => codes.has(4053), "the client was refused");
  isUnavailable = false;
  await until(() => client.state.status === "connected", "the client is connected");
  client.close();
  expect((await publishing()).status).toBe(200);
});

test("the API key still allows everything", async () => {
  const headers = { Authorization: `Bearer ${key}` };
  expect((await publish("room:2", headers, { sender: "the shop" })).status).toBe(200);
  expect((await server.request("POST", "/v1/publish", { user_id: "bob", data: 1 }, headers)).status).toBe(200);
});

test("a connection whose new token covers less leaves the channels that it no longer covers", async () => {
  const tokenFor = (subscribe: string[]) => makeToken({ sub: "carol", subscribe, publish: [], expiresInS: 60, secret });
  const wide = await tokenFor(["room:1", "room:2"]);
  using socket = await SocketUnderTest.open(`${server.wsUrl}?channel=room:1&channel=room:2&token=${wide}`);
  socket.send({ type: "auth", token: await tokenFor(["room:1"]), ref: "narrower" });
  await socket.until((it) => it.ref === "narrower");
  expect(socket.frames.filter((it) => it.type === "unsubscribed")).toEqual([
    { type: "unsubscribed", channel: "room:2" },
  ]);
  const byKey = { "X-API-Key": key };
  for (const channel of ["room:2", "room:1"]) await publish(channel, byKey, { message: `into ${channel}` });
  await socket.until((it) => it.message === "into room:1");
  expect(socket.messages.map(({ message }) => message)).toEqual(["into room:1"]);
});
