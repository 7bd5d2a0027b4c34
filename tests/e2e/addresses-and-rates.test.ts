import { describe, expect, test } from "bun:test";
import { makeToken } from "../../server/auth/token.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const secret = "a secret of thirty-two bytes or more";

/** The status of a handshake with this X-Forwarded-For. */
async function handshake(server: ServerUnderTest, forwardedFor: string): Promise<SocketUnderTest | number> {
  const headers = { "X-Forwarded-For": forwardedFor };
  const response = await server.request("GET", "/ws", undefined, {
    ...{ Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13" },
    ...{ "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", ...headers },
  });
  await response.body?.cancel();
  if (response.status !== 101) return response.status;
  return SocketUnderTest.open(server.wsUrl, { headers });
}

describe("the limit per address", () => {
  const limited = { MAX_CONNECTIONS_PER_IP: "1" };

  test("counts the client behind a trusted proxy: by address, by /64, without the port", async () => {
    await using server = await startServer({ env: { ...limited, TRUSTED_PROXIES: "127.0.0.1" } });
    const open = (address: string) => SocketUnderTest.open(server.wsUrl, { headers: { "X-Forwarded-For": address } });
    using _one = await open("203.0.113.7");
    using _two = await open("1.2.3.4, 203.0.113.8:4711");
    using _three = await open("2001:db8::1");
    for (const taken of [
      "203.0.113.7",
      "203.0.113.7:99",
      "::ffff:203.0.113.7",
      "5.6.7.8, 203.0.113.8",
      "[2001:db8::2]:1",
    ]) {
      expect([taken, await handshake(server, taken)]).toEqual([taken, 429]);
    }
    const connections = (await (await server.request("GET", "/v1/connections")).json()) as {
      connections: { remote: string }[];
    };
    expect(connections.connections.map(({ remote }) => remote).toSorted()).toEqual([
      "203.0.113.7",
      "203.0.113.8",
      "[2001:db8::1]",
    ]);
  });

  test("counts the socket's address if no proxy is trusted, whatever the header says", async () => {
    await using server = await startServer({ env: limited });
    using _ = await SocketUnderTest.open(server.wsUrl, { headers: { "X-Forwarded-For": "203.0.113.7" } });
    expect(await handshake(server, "203.0.113.8")).toBe(429);
  });
});

describe("MESSAGE_RATE over HTTP", () => {
  const key = "publish-key-of-sixteen-and-more";
  const env = { JWT_SECRET: secret, API_KEY: key, MESSAGE_RATE: "5" };
  const tokenOf = (sub: string) => makeToken({ secret, sub, subscribe: ["*"], publish: ["*"], expiresInS: 60 });
  const publish = (server: ServerUnderTest, credential: string, body: object = { channel: "room", data: 1 }) =>
    server.request("POST", "/v1/publish", body, { Authorization: `Bearer ${credential}` });

  test("limits a user's token, not other users or API keys, and says when to retry", async () => {
    await using server = await startServer({ env });
    const [alice, bob] = [await tokenOf("alice"), await tokenOf("bob")];
    const answers = await Promise.all(Array.from({ length: 30 }, () => publish(server, alice)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(10);
    expect(await refused[0]?.json()).toMatchObject({ code: "rate-limited", retry_after_ms: expect.any(Number) });
    expect(refused[0]?.headers.get("Retry-After")).toBe("1");
    expect((await publish(server, bob)).status).toBe(200);
    const byKey = await Promise.all(Array.from({ length: 30 }, () => publish(server, key)));
    expect(byKey.every(({ status }) => status === 200)).toBe(true);
  });

  test("counts each channel of a request", async () => {
    await using server = await startServer({ env });
    const alice = await tokenOf("alice");
    const channels = Array.from({ length: 9 }, (_, at) => `room:${at}`);
    expect((await publish(server, alice, { channels, data: 1 })).status).toBe(200);
    expect((await publish(server, alice, { channels, data: 1 })).status).toBe(429);
  });
});
