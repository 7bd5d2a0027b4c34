import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeToken } from "../../server/auth/token.ts";
import { eventually } from "../waiting.ts";
import { apiKey, jwtSecret, publish, tokenOf } from "./healthy-users.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const env = { API_KEY: apiKey, JWT_SECRET: jwtSecret };
const asOperator = { Authorization: `Bearer ${apiKey}` };

const block = (server: ServerUnderTest, path: string, body?: object) =>
  server.request("POST", `/v1/${path}/block`, body, asOperator);
const lift = (server: ServerUnderTest, path: string) =>
  server.request("DELETE", `/v1/${path}/block`, undefined, asOperator);
const listed = async (server: ServerUnderTest) =>
  (await (await server.request("GET", "/v1/blocks", undefined, asOperator)).json()) as { blocks: object[] };

/** The status of a handshake. */
async function handshake(server: ServerUnderTest, token: string): Promise<number> {
  const headers = { Upgrade: "websocket", Connection: "Upgrade", Authorization: `Bearer ${token}` };
  const response = await server.request("GET", "/ws", undefined, headers);
  await response.body?.cancel();
  return response.status; // 400: the handshake lacks a key, but the token was accepted
}

describe("a blocked user", () => {
  test("is disconnected, and refused over WebSocket, streams and HTTP until the block is lifted", async () => {
    await using server = await startServer({ env });
    const token = await tokenOf("mallory");
    using socket = await SocketUnderTest.open(`${server.wsUrl}?token=${token}`);
    using other = await SocketUnderTest.open(`${server.wsUrl}?token=${await tokenOf("alice")}`);
    const answer = await block(server, "users/mallory", { reason: "spam" });
    expect(await answer.json()).toMatchObject({ kind: "user", id: "mallory", reason: "spam", closed: 1 });
    expect(await socket.untilClosed()).toMatchObject({ code: 4504 });
    expect(await handshake(server, token)).toBe(403);
    expect((await server.request("GET", `/sse?token=${token}`)).status).toBe(403);
    expect((await publish(server, "mallory", { channel: "room", message: "m" })).status).toBe(403);
    expect((await publish(server, "alice", { channel: "room", message: "m" })).status).toBe(200);
    expect(await listed(server)).toMatchObject({ blocks: [{ kind: "user", id: "mallory", reason: "spam" }] });
    expect((await lift(server, "users/mallory")).status).toBe(200);
    expect((await lift(server, "users/mallory")).status).toBe(404);
    expect((await publish(server, "mallory", { channel: "room", message: "m" })).status).toBe(200);
    expect([await listed(server), other.closed]).toEqual([{ blocks: [] }, undefined]);
  });

  test("cannot renew its token either, and is accepted again when the block ends by itself", async () => {
    await using server = await startServer({ env });
    const answer = await block(server, "users/mallory", { expires_in_s: 1 });
    expect(await answer.json()).toMatchObject({ until: expect.any(String) });
    expect((await publish(server, "mallory", { channel: "room", message: "m" })).status).toBe(403);
    await eventually(async () =>
      expect((await publish(server, "mallory", { channel: "room", message: "m" })).status).toBe(200),
    );
    expect(await listed(server)).toEqual({ blocks: [] });
  });

  test.each([
    ["an expiry in the past", { expires_in_s: -1 }, 422],
    ["an expiry that is too long", { expires_in_s: 1e10 }, 422],
    ["an unknown field", { until: "tomorrow" }, 422],
    ["a long reason", { reason: "x".repeat(201) }, 422],
  ])("is not blocked with %s", async (_, body, status) => {
    await using server = await startServer({ env });
    expect((await block(server, "users/mallory", body)).status).toBe(status);
    expect(await listed(server)).toEqual({ blocks: [] });
  });
});

test("a blocked token is refused, and the user's other tokens are not", async () => {
  await using server = await startServer({ env });
  const { SignJWT } = await import("jose");
  const sign = (jti: string) =>
    new SignJWT({ publish: ["*"], jti })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject("alice")
      .sign(new TextEncoder().encode(jwtSecret));
  const [lost, other] = [await sign("lost"), await sign("other")];
  using first = await SocketUnderTest.open(`${server.wsUrl}?token=${lost}`);
  using second = await SocketUnderTest.open(`${server.wsUrl}?token=${other}`);
  expect(await (await block(server, "tokens/lost")).json()).toMatchObject({ kind: "token", id: "lost", closed: 1 });
  expect(await first.untilClosed()).toMatchObject({ code: 4504 });
  expect([await handshake(server, lost), await handshake(server, other)]).toEqual([403, 400]);
  second.send({ type: "auth", token: lost, ref: 1 });
  expect(await second.until(({ ref }) => ref === 1)).toMatchObject({ type: "error", code: "forbidden" });
});

test("a block holds on all workers, and after they were replaced", async () => {
  await using server = await startServer({ env: { ...env, WORKERS: "2" } });
  await block(server, "users/mallory");
  const statuses = async () => {
    const requests = Array.from({ length: 20 }, () => publish(server, "mallory", { channel: "room", message: "m" }));
    return new Set((await Promise.all(requests)).map(({ status }) => status));
  };
  expect(await statuses()).toEqual(new Set([403]));
  const pids = async () => {
    const { nodes } = (await (await server.request("GET", "/v1/nodes", undefined, asOperator)).json()) as {
      nodes: { pid: number }[];
    };
    return nodes.map(({ pid }) => pid).filter((pid) => pid !== server.pid);
  };
  const before = await pids();
  expect(before).toHaveLength(2);
  for (const pid of before) process.kill(pid, "SIGKILL");
  await eventually(async () => {
    const now = await pids();
    expect([now.length, now.some((pid) => before.includes(pid))]).toEqual([2, false]);
  });
  expect(await statuses()).toEqual(new Set([403]));
  expect(await listed(server)).toMatchObject({ blocks: [{ id: "mallory" }] });
});

test("a block outlives the server with DATA_DIR, and no flood of messages evicts it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fanfare-blocks-"));
  const durable = { ...env, DATA_DIR: directory, HISTORY_BYTES_TOTAL: "1MiB", HISTORY_BYTES: "512KiB" };
  try {
    {
      await using server = await startServer({ env: durable });
      await block(server, "users/mallory");
      for (let at = 0; at < 50; at++) {
        await publish(server, undefined, { channel: `c${at}`, message: "x".repeat(60_000) });
      }
    }
    await using server = await startServer({ env: durable });
    expect((await publish(server, "mallory", { channel: "room", message: "m" })).status).toBe(403);
    const { channels } = (await (await server.request("GET", "/v1/channels", undefined, asOperator)).json()) as {
      channels: { channel: string }[];
    };
    expect(channels.some(({ channel }) => channel.startsWith("#"))).toBe(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("only a key with the scope admin may block, lift and list", async () => {
  const keys = "publish+read@5f2c81d09be7463aa1,admin@77b2c0de93a14f6508";
  await using server = await startServer({ env: { ...env, API_KEY: keys } });
  const token = await makeToken({ secret: jwtSecret, sub: "u", subscribe: ["*"], publish: ["*"], expiresInS: 60 });
  for (const [method, path] of [
    ["POST", "/v1/users/u/block"],
    ["DELETE", "/v1/users/u/block"],
    ["POST", "/v1/tokens/t/block"],
    ["DELETE", "/v1/tokens/t/block"],
    ["GET", "/v1/blocks"],
  ] as const) {
    const status = async (credential: string) =>
      (await server.request(method, path, undefined, { Authorization: `Bearer ${credential}` })).status;
    expect([path, await status(apiKey), await status(token)]).toEqual([path, 403, 401]);
  }
});
