import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeTable } from "../../protocol/close-codes.ts";
import { makeToken } from "../../server/auth/token.ts";
import type { AsyncApiDocument, MessageObject, OpenApiDocument } from "../../server/http/docs/documents.ts";
import { check, type Schema } from "../schema/check.ts";
import { refsIn, resolveRef } from "../schema/described.ts";
import { Shared } from "../shared.ts";
import { RawWebSocket } from "./raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";
import { StreamUnderTest } from "./stream.ts";

const secret = "a secret of thirty-two bytes or more";
let open: ServerUnderTest;
/** A server without notices, whose rate limit is reached soon. */
let secured: ServerUnderTest;
let document: AsyncApiDocument;

const cwd = mkdtempSync(join(tmpdir(), "fanfare-asyncapi-"));

const shared = new Shared();
beforeAll(async () => {
  writeFileSync(join(cwd, "fanfare.config.yaml"), "channels: [{match: 'party:*', presence: on, presence_events: on}]");
  [open, secured] = await Promise.all([
    shared.use(startServer({ cwd, env: { HISTORY_SIZE: "5", MESSAGE_RATE: "0" } })),
    shared.use(startServer({ env: { JWT_SECRET: secret, NOTICES: "off", MESSAGE_RATE: "5" } })),
  ]);
  document = await documentOf(open);
});

afterAll(async () => {
  await shared.close();
  rmSync(cwd, { recursive: true, force: true });
});

async function documentOf(server: ServerUnderTest, headers: Record<string, string> = {}): Promise<AsyncApiDocument> {
  return (await (await server.request("GET", "/asyncapi.json", undefined, headers)).json()) as AsyncApiDocument;
}

const tokenOf = (expiresInS: number | undefined) =>
  makeToken({ sub: "alice", subscribe: ["*"], publish: ["*"], expiresInS, secret });

/** System frames are named by their event, the others by their type; those of presence are of three kinds. */
function nameOf({ type, event }: Frame): string {
  if (type === "presence" && event !== undefined) return `server.presence_${event === "reset" ? event : "event"}`;
  return `server.${String(type === "system" ? event : type)}`;
}

function faultsOf({ payload }: Pick<MessageObject, "payload">, value: unknown, of = document): readonly string[] {
  return check({ ...payload }, value, { resolve: (ref) => resolveRef(of, ref), isStrict: true });
}

/** The violations in the received frames. */
function faultsIn(frames: readonly Frame[], of = document): readonly string[] {
  return frames.flatMap((frame) => {
    const message = of.components.messages[nameOf(frame)];
    const faults = message === undefined ? ["is not documented"] : faultsOf(message, frame, of);
    return faults.map((fault) => `${nameOf(frame)}: ${fault} in ${JSON.stringify(frame).slice(0, 300)}`);
  });
}

const clientMessages = () => Object.entries(document.components.messages).filter(([key]) => key.startsWith("client."));
const serverNames = () => Object.keys(document.components.messages).filter((key) => key.startsWith("server."));

/** Sends one frame and waits for its answer, which may be an error. */
async function ask(socket: SocketUnderTest, frame: Frame, ref = crypto.randomUUID()): Promise<Frame> {
  socket.send({ ...frame, ref });
  return socket.until((it) => it.ref === ref);
}

describe("the document", () => {
  test("is valid: references resolve, every message is used, examples follow their schemas", () => {
    expect(document.asyncapi).toBe("3.0.0");
    for (const ref of refsIn(document)) expect(resolveRef(document, ref)).toBeObject();
    for (const [key, message] of Object.entries(document.components.messages)) {
      expect(document.channels.socket.messages).toHaveProperty([key]);
      for (const { payload } of message.examples) expect([key, faultsOf(message, payload)]).toEqual([key, []]);
      expect(message.examples).not.toBeEmpty();
    }
    const met = Object.values(document.operations).flatMap((it) => [...it.messages, ...(it.reply?.messages ?? [])]);
    const names = new Set(met.map(({ $ref }) => $ref.replace(/.*\//, "")));
    expect([...names].toSorted()).toEqual(Object.keys(document.components.messages).toSorted());
    for (const { code } of Object.values(closeTable)) expect(document.info.description).toContain(`- ${code}: `);
  });

  test("contains the URLs of the server and its WebSocket", async () => {
    await using server = await startServer({ env: { WS_PATH: "/live" } });
    const moved = await documentOf(server);
    expect([moved.channels.socket.address, document.channels.socket.address]).toEqual(["/live", "/ws"]);
    const { here } = moved.servers;
    expect([here?.protocol, here?.host]).toEqual(["ws", `127.0.0.1:${server.port}`]);
    using socket = await SocketUnderTest.open(`${here?.protocol}://${here?.host}${moved.channels.socket.address}`);
    expect(faultsIn(socket.frames)).toEqual([]);
    const behindProxy = await documentOf(server, { "X-Forwarded-Proto": "https" });
    expect(behindProxy.servers.here?.protocol).toBe("wss");
  });

  test("has the same handshake parameters as the OpenAPI document", async () => {
    const api = (await (await open.request("GET", "/openapi.json")).json()) as OpenApiDocument;
    const { bindings } = document.channels.socket as { bindings: { ws?: { query?: { properties?: object } } } };
    const names = (api.paths["/ws"]?.get?.parameters ?? []).map(({ name }) => name);
    expect(Object.keys(bindings.ws?.query?.properties ?? {})).toEqual(names);
  });
});

describe("every frame that a client receives is documented", () => {
  const received: Frame[] = [];
  const keep = (...those: readonly { readonly frames: readonly Frame[] }[]) => {
    for (const { frames } of those) received.push(...frames);
    expect(faultsIn(those.flatMap(({ frames }) => frames))).toEqual([]);
  };

  test("publications, answers, notices", async () => {
    using alice = await SocketUnderTest.open(`${open.wsUrl}?user_id=alice&channel=room:1`);
    using stream = await StreamUnderTest.open(`${open.url}/sse?user_id=bob&channel=room:1`);
    using batches = await SocketUnderTest.open(`${open.wsUrl}?channel=room:1`, { protocols: ["fanfare.v1"] });
    const guest = await SocketUnderTest.open(open.wsUrl);
    await alice.until(({ event }) => event === "joined");
    guest.close();
    await alice.until(({ event }) => event === "left");
    const publish = { type: "publish", channel: "room:1" };
    const labels = { event: "call", id: "m-1", sender: "kitchen", key: "k", headers: { traceparent: "00-ab-cd-01" } };
    await ask(alice, { ...publish, message: "all of it", data: { n: 1 }, ...labels });
    await ask(alice, { ...publish, message: "again", id: "m-1" });
    await ask(alice, { ...publish, message: "typing", ephemeral: true });
    await ask(alice, { ...publish, data: null, echo: false });
    await alice.until(({ type }) => type === "advance");
    await open.request("POST", "/sse/push", { user_id: "alice", data: 1, timestamp: 1_795_170_625.5 });
    await alice.until(({ sent_at }) => sent_at !== undefined);
    await ask(alice, { type: "history", channel: "room:1", since: "earliest" });
    await ask(alice, { type: "history", channel: "room:1", since: { epoch: "another", offset: 1 } });
    await ask(alice, { type: "presence", channel: "room:1" });
    const { epoch } = await ask(alice, { type: "subscribe", channel: "room:2", since: "last:1" });
    await ask(alice, { type: "unsubscribe", channel: "room:2" });
    await ask(alice, { type: "subscribe", channel: "room:2", since: { epoch, offset: 0 } });
    await ask(alice, { type: "unsubscribe", channel: "room:2" });
    const missed = await ask(alice, { type: "subscribe", channel: "room:2", since: { epoch: "another", offset: 7 } });
    expect(missed).toMatchObject({ recovered: false, reason: "epoch-changed" });
    await ask(alice, { type: "ping" });
    alice.send({ type: "ping" });
    await ask(alice, { type: "publish", channel: "a b", data: 1 });
    await ask(alice, { type: "nonsense" });
    alice.send("{");
    await alice.until(({ code }) => code === "bad-json");
    using resumed = await SocketUnderTest.open(`${open.wsUrl}?channel=room:1&since=room%3A1~another~3`);
    await stream.untilMessages(3);
    await batches.untilMessages(3);
    keep(alice, stream, batches, resumed, guest);
  });

  test("tokens, limits, and a welcome without notices", async () => {
    const never = await tokenOf(undefined);
    using alice = await SocketUnderTest.open(`${secured.wsUrl}?token=${never}`);
    expect((await ask(alice, { type: "auth", token: never })).expires_at).toBeNull();
    expect((await ask(alice, { type: "auth", token: await tokenOf(60) })).expires_at).toBeString();
    await ask(alice, { type: "auth", token: await tokenOf(20) });
    await alice.until(({ event }) => event === "token-expiring");
    await ask(alice, { type: "auth", token: "no token" });
    for (let left = 20; left > 0; left--) alice.send({ type: "ping" });
    const limited = await alice.until(({ code }) => code === "rate-limited");
    expect(limited).toHaveProperty("retry_after_ms");
    expect(alice.welcome).not.toHaveProperty("online");
    keep(alice);
  });

  test("a gap", async () => {
    const stuck = await RawWebSocket.open(open.port, "/ws?channel=flood");
    await stuck.untilText(/welcome/);
    stuck.socket.pause();
    // 10 MB with a history of five messages. The kernel takes about four megabytes for a client that does not read.
    const data = "x".repeat(60_000);
    for (let left = 170; left > 0; left--) await open.request("POST", "/v1/publish", { channel: "flood", data });
    stuck.socket.resume();
    await stuck.untilText(/"event":"gap"/);
    keep({ frames: stuck.texts.map((text) => JSON.parse(text) as Frame) });
    stuck[Symbol.dispose]();
  });

  test("presence events, and the word that some were missed", async () => {
    const stuck = await RawWebSocket.open(open.port, "/ws?channel=party:1");
    await stuck.untilText(/"event":"joined"/);
    stuck.socket.pause();
    const data = "x".repeat(60_000);
    for (let left = 170; left > 0; left--) await open.request("POST", "/v1/publish", { channel: "party:1", data });
    using alice = await SocketUnderTest.open(`${open.wsUrl}?user_id=alice&channel=party:1`);
    await alice.until(({ event, user_id }) => event === "joined" && user_id === "alice");
    expect(await ask(alice, { type: "presence", channel: "party:1" })).toMatchObject({ count: 2, position: 2 });
    const guest = await SocketUnderTest.open(`${open.wsUrl}?channel=party:1`);
    await alice.until(({ position }) => position === 3);
    guest.close();
    await alice.until(({ type, event }) => type === "presence" && event === "left");
    stuck.socket.resume();
    await stuck.untilText(/"event":"reset"/);
    keep(alice, { frames: stuck.texts.map((text) => JSON.parse(text) as Frame) });
    stuck[Symbol.dispose]();
  });

  test("the end", async () => {
    await using server = await startServer();
    using alice = await SocketUnderTest.open(`${server.wsUrl}?user_id=alice`);
    using stream = await StreamUnderTest.open(`${server.url}/sse`);
    using beating = await StreamUnderTest.open(`${server.url}/sse?heartbeat=1&user_id=bob`);
    await beating.until(({ event }) => event === "heartbeat");
    await server.request("DELETE", "/v1/users/bob/connections");
    await beating.until(({ event }) => event === "closing");
    await server.request("POST", "/v1/drain");
    for (const it of [alice, stream]) await it.until(({ event }) => event === "draining");
    keep(alice, stream, beating);
  });

  test("every documented frame was received", () => {
    expect(serverNames().filter((name) => !received.some((frame) => nameOf(frame) === name))).toEqual([]);
  });
});

describe("the commands in the document", () => {
  test("each example is decoded, and answered as described", async () => {
    for (const [key, { name, examples, payload }] of clientMessages()) {
      const replies = document.operations[name]?.reply?.messages.map(({ $ref }) => $ref.replace(/.*\//, "")) ?? [];
      for (const { payload: example } of examples) {
        using socket = await SocketUnderTest.open(open.wsUrl);
        const answer = await answerTo(socket, payload.type === "string" ? String(example) : (example as Frame));
        const isTokenRefused = name === "auth" && answer?.code === "unauthorized"; // An open server verifies no tokens.
        const isRefused = answer?.type === "error" && !isTokenRefused;
        const isTold = answer === undefined ? replies.length === 1 : replies.includes(nameOf(answer));
        expect([key, answer, isRefused, isTold]).toEqual([key, answer, false, true]);
      }
    }
  });

  const x = (length: number) => "x".repeat(length);
  const headersOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, "v"]));
  const publish = (fields: object) => ({ type: "publish", channel: "room:1", data: 1, ...fields });
  const history = (fields: object) => ({ type: "history", channel: "room:1", ...fields });
  test.each<[string, string, number, (size: number) => Frame]>([
    ["publish", "channel", 200, (size) => publish({ channel: x(size) })],
    ["publish", "event", 100, (size) => publish({ event: x(size) })],
    ["publish", "id", 128, (size) => publish({ id: x(size) })],
    ["publish", "sender", 128, (size) => publish({ sender: x(size) })],
    ["publish", "key", 256, (size) => publish({ key: x(size) })],
    ["publish", "headers", 16, (size) => publish({ headers: headersOf(size) })],
    ["publish", "ref", 128, (size) => publish({ ref: x(size) })],
    ["message", "sender", 128, (size) => ({ type: "message", message: "hi", sender: x(size) })],
    ["subscribe", "channel", 200, (size) => ({ type: "subscribe", channel: x(size) })],
    ["unsubscribe", "channel", 200, (size) => ({ type: "unsubscribe", channel: x(size) })],
    ["presence", "channel", 200, (size) => ({ type: "presence", channel: x(size) })],
    ["history", "channel", 200, (size) => history({ channel: x(size) })],
    ["history", "limit", 1000, (limit) => history({ limit })],
    ["history", "epoch of since", 64, (size) => history({ since: { epoch: x(size), offset: 1 } })],
    ["ping", "ref", 128, (size) => ({ type: "ping", ref: x(size) })],
  ])("in %s: %s, %d and no more", async (name, _, last, make) => {
    const message = document.components.messages[`client.${name}`];
    for (const [size, isAllowed] of [
      [last, true],
      [last + 1, false],
    ] as const) {
      using socket = await SocketUnderTest.open(open.wsUrl);
      const isTold = faultsOf(message ?? { payload: {} }, make(size)).length === 0;
      const answer = await answerTo(socket, make(size));
      expect({ isTold, code: answer?.code }).toEqual({
        isTold: isAllowed,
        code: isAllowed ? undefined : "invalid-field",
      });
    }
  });
});

/** The answer to a command; undefined for a command without one. Commands take effect in order. */
async function answerTo(socket: SocketUnderTest, frame: string | Frame): Promise<Frame | undefined> {
  const unasked = ["system", "message", "advance"]; // no channel of these commands has presence events
  const isPing = typeof frame === "object" && frame.type === "ping";
  socket.send(frame);
  if (!isPing) socket.send({ type: "ping" });
  await socket.until(({ type, code }) => type === "pong" || code !== undefined);
  // An acknowledgement waits for storage. A pong does not.
  if (typeof frame === "object" && frame.type === "publish") {
    await socket.until(({ type }) => type === "ack" || type === "error");
  }
  return socket.frames.find(({ type }) => !unasked.includes(String(type)) && (isPing || type !== "pong"));
}

test("the check finds a wrong member, an undocumented member, and an undocumented frame", async () => {
  using socket = await SocketUnderTest.open(open.wsUrl);
  socket.send({ type: "ping", ref: 1 });
  await socket.until(({ type }) => type === "pong");
  const changed = structuredClone(document);
  const messages = changed.components.messages as Record<string, MessageObject>;
  const payloadOf = (name: string) => messages[name]?.payload as { properties: Record<string, Schema> };
  payloadOf("server.welcome").properties.connection_id = { type: "number" };
  delete payloadOf("server.welcome").properties.resume_key;
  delete messages["server.pong"];
  expect(faultsIn(socket.frames)).toEqual([]);
  expect(faultsIn(socket.frames, changed)).toEqual([
    expect.stringContaining("server.welcome: $.connection_id is not of type number"),
    expect.stringContaining("server.welcome: $.resume_key is not documented"),
    expect.stringContaining("server.pong: is not documented"),
  ]);
});
