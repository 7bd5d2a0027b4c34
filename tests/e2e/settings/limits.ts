import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, SignJWT } from "jose";
import { makeToken } from "../../../server/auth/token.ts";
import { until } from "../../waiting.ts";
import { RawSocket } from "../raw-socket.ts";
import type { ServerUnderTest } from "../server.ts";
import { type Frame, SocketUnderTest } from "../socket.ts";
import {
  asKey,
  handshakeStatus,
  offsetsOf,
  publish,
  type SettingsGroup,
  secret,
  secured,
  statusOf,
  userOf,
} from "./setting.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");

/** A token that allows this user everything. */
const tokenOf = (sub: string) => makeToken({ secret, sub, subscribe: ["*"], publish: ["*"], expiresInS: 600 });
const bearer = async (sub: string) => ({ Authorization: `Bearer ${await tokenOf(sub)}` });
/** A client's address. Each demonstration uses its own. */
const from = (address: string) => ({ "X-Forwarded-For": `198.51.100.${address}` });

/** The answers to several commands that are sent at once. */
async function answersTo(socket: SocketUnderTest, command: Frame, count: number): Promise<readonly Frame[]> {
  for (let ref = 1; ref <= count; ref++) socket.send({ ...command, ref });
  await socket.until(({ ref }) => ref === count);
  return socket.frames.filter(({ ref }) => ref !== undefined);
}

async function statuses(count: number, request: () => Promise<number>): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (let sent = 0; sent < count; sent++) found.add(await request());
  return found;
}

/** How long a request may stay unnoticed by others. */
const answerMs = 3000;

/** Begins a request, and sends others until one is refused. @returns the reason, or "" if none of many is refused */
async function refusalWhileOneIsInProgress(server: ServerUnderTest, user: string, bytes: number): Promise<string> {
  using raw = await RawSocket.connect(server.port);
  const { Authorization } = await bearer(user);
  const head = ["POST /v1/publish HTTP/1.1", "Host: localhost", `Authorization: ${Authorization}`];
  raw.write(`${head.join("\r\n")}\r\nContent-Length: ${bytes}\r\n\r\n{"channel":"room",`);
  let reason = "";
  const isRefused = async () => {
    const body = JSON.stringify({ channel: "room", message: "m" }).padEnd(bytes);
    const response = await server.request("POST", "/v1/publish", body, await bearer(user));
    const { detail = "" } = (await response.json()) as { readonly detail?: string };
    if (response.status === 429 && !detail.includes("messages per second")) reason = detail;
    return reason !== "";
  };
  // The server may not have read the header yet.
  await until(isRefused, "a request is refused", answerMs).catch(() => undefined);
  return reason;
}

/** The number of connections, and what a user may do per second. */
export const limitsGroup: SettingsGroup = {
  name: "limits",
  base: { ...secured, ANONYMOUS: "on", TRUSTED_PROXIES: "127.0.0.1" },
  prepare: async (stack) => {
    const keys = { keys: [{ ...(await exportJWK(publicKey)), alg: "EdDSA", kid: "k1" }] };
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json(keys) });
    stack.defer(() => server.stop(true));
    const folder = mkdtempSync(join(tmpdir(), "fanfare-limits-"));
    stack.defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "fanfare.config.yaml");
    writeFileSync(file, "channels: [{ match: 'counted*', subscribe: anyone, presence: on, presence_events: on }]");
    return { env: { JWKS_URL: `http://127.0.0.1:${server.port}/keys` }, flags: ["--config", file] };
  },
  settings: {
    maxConnections: {
      value: "20",
      observe: async (it) => {
        using stack = new DisposableStack();
        for (let n = 1; n <= 20; n++) {
          stack.use(await SocketUnderTest.open(it.wsUrl, { headers: from(String(n)) }));
        }
        return await handshakeStatus(it, "/ws", from("21"));
      },
      expected: 503,
    },
    maxConnectionsPerUser: {
      value: "1",
      observe: async (it) => {
        const path = `?token=${await tokenOf("solo")}`;
        using _ = await SocketUnderTest.open(`${it.wsUrl}${path}`);
        return await handshakeStatus(it, `/ws${path}`);
      },
      expected: 429,
    },
    jwksUrl: {
      observe: async (it) => {
        const token = new SignJWT({}).setProtectedHeader({ alg: "EdDSA", kid: "k1" }).setSubject("bob");
        return await userOf(it, `token=${await token.setExpirationTime("1m").sign(privateKey)}`);
      },
      expected: "bob",
    },
    messageRate: {
      value: "1",
      observe: async (it) => {
        using socket = await SocketUnderTest.open(`${it.wsUrl}?token=${await tokenOf("chatty")}`);
        const answers = await answersTo(socket, { type: "publish", channel: "room", message: "m" }, 10);
        return answers.find(({ code }) => code === "rate-limited")?.message;
      },
      expected: "at most 1 messages per second from one user",
    },
    historyRate: {
      value: "1KiB",
      observe: async (it) => {
        const user = await bearer("reader");
        await publish(it, { channel: "history", message: "x".repeat(5000) }, user);
        const read = () => statusOf(it, "/v1/channels/history/history?since=earliest", user);
        return (await statuses(10, read)).has(429);
      },
      expected: true,
    },
    presenceRate: {
      value: "1",
      observe: async (it) => {
        const user = await bearer("curious");
        return (await statuses(10, () => statusOf(it, "/v1/channels/room/presence", user))).has(429);
      },
      expected: true,
    },
    presenceSize: {
      value: "1",
      observe: async (it) => {
        using _ = await SocketUnderTest.open(`${it.wsUrl}?channel=counted`, { headers: from("60") });
        using second = await SocketUnderTest.open(`${it.wsUrl}?channel=counted`, { headers: from("61") });
        second.send({ type: "presence", channel: "counted", ref: 1 });
        const { count, unlisted } = await second.until(({ ref }) => ref === 1);
        return { count, unlisted };
      },
      expected: { count: 1, unlisted: 1 },
    },
    presenceBytes: {
      value: "16KiB",
      observe: async (it) => {
        const channels = Array.from({ length: 10 }, (_, number) => `counted${number}`);
        using socket = await SocketUnderTest.open(`${it.wsUrl}?channels=${channels}`, { headers: from("62") });
        await socket.until(({ event }) => event === "welcome");
        const response = await it.request("GET", "/metrics", undefined, { ...asKey, Accept: "application/json" });
        const { unlisted_presences } = (await response.json()) as { readonly unlisted_presences: number };
        return unlisted_presences > 0;
      },
      expected: true,
    },
    handshakeRate: {
      value: "1",
      observe: async (it) => (await statuses(20, () => handshakeStatus(it, "/ws?token=x", from("40")))).has(429),
      expected: true,
    },
    usersPerAddress: {
      value: "1",
      observe: async (it) => {
        using first = await SocketUnderTest.open(it.wsUrl, { headers: from("50") });
        using second = await SocketUnderTest.open(it.wsUrl, { headers: from("50") });
        const request = { type: "presence", channel: "all" };
        const answers = [...(await answersTo(first, request, 2)), ...(await answersTo(second, request, 2))];
        return answers.find(({ code }) => code === "rate-limited")?.message;
      },
      expected: "at most 1 messages per second from one address",
    },
    maxRequests: {
      value: "1",
      observe: (it) => refusalWhileOneIsInProgress(it, "busy", 100),
      expected: "at most 1 requests at the same time from one user",
    },
    usersPerKey: {
      value: "1",
      observe: async (it) => {
        const send = async () => (await publish(it, { channel: "room", message: "m" }, asKey)).status;
        return (await statuses(10, send)).has(429);
      },
      expected: true,
    },
  },
};

/** The share of the history that one user may use. */
export const shareGroup: SettingsGroup = {
  name: "shares",
  base: { ...secured, HISTORY_BYTES_TOTAL: "2MiB" },
  settings: {
    clientShare: {
      value: "50",
      // By default one user has a tenth, which is less than these messages.
      observe: async (it) => {
        const user = await bearer("greedy");
        for (let n = 1; n <= 6; n++) await publish(it, { channel: `share${n}`, message: "x".repeat(50_000) }, user);
        return await offsetsOf(it, "share1", asKey);
      },
      expected: [1],
    },
  },
};

/** The memory at which new work is refused. */
export const memoryGroup: SettingsGroup = {
  name: "memory",
  base: {},
  settings: {
    maxMemory: {
      value: "100MiB",
      observe: async (it) => {
        const message = "x".repeat(60_000);
        for (let n = 0; n < 4000; n++) {
          if ((await publish(it, { channel: `c${n % 250}`, message })).status === 503) return "refused";
        }
        return "accepted";
      },
      expected: "refused",
      hasNoControl: "it would take most of the machine's memory",
    },
  },
};

/** The bytes of bodies in progress, which are shown without a limit on the number of requests. */
export const bodiesGroup: SettingsGroup = {
  name: "request bodies",
  base: secured,
  settings: {
    maxUnfinishedBytes: {
      value: "150KiB",
      observe: (it) => refusalWhileOneIsInProgress(it, "busy", 100 * 1024),
      expected: "at most 150KiB of unfinished request bodies from one user",
    },
  },
};
