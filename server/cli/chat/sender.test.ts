import { beforeEach, describe, expect, test } from "bun:test";
import type { Client } from "../../../client/index.ts";
import { ScriptedEnvironment, type ScriptedSocket, settle } from "../../../tests/client/scripted-environment.ts";
import { ChatSender } from "./sender.ts";

let environment: ScriptedEnvironment;
let client: Client;
let warnings: string[];
let sender: ChatSender;

beforeEach(() => {
  environment = new ScriptedEnvironment();
  client = environment.client({ transports: ["websocket"] });
  warnings = [];
  sender = new ChatSender({
    client,
    clock: environment.clock,
    name: "Alice",
    warn: (line) => void warnings.push(line),
  });
});

/** The server's side of a connection: the channel is at `offset`, and the client is sent the messages from `from` on. */
async function welcome(offset: number, from = offset + 1): Promise<ScriptedSocket> {
  const socket = await environment.socket();
  socket.welcome({ all: { epoch: "e", offset, from, recovered: true } });
  await settle();
  return socket;
}

function copy(socket: ScriptedSocket, offset: number, message: string, sender?: string): void {
  const timestamp = "2026-01-01T00:00:00.000Z";
  socket.deliver({ type: "message", channel: "all", offset, id: `m${offset}`, timestamp, message, sender });
}

const sent = (socket: ScriptedSocket) => socket.commands.flatMap((it) => (it.type === "message" ? [it.message] : []));

async function isSettled(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), settle().then(() => false)]);
}

describe("a message to all", () => {
  test("waits for the welcome, and is confirmed by its echo", async () => {
    const sending = sender.send("all", "Hi");
    expect(sender.isConnected).toBe(false);
    const socket = await welcome(0);
    expect(socket.commands).toEqual([{ type: "message", message: "Hi", sender: "Alice" }]);
    copy(socket, 1, "Hi", "Bob");
    expect(await isSettled(sending)).toBe(false);
    copy(socket, 2, "Hi", "Alice");
    expect(await isSettled(sending)).toBe(true);
  });

  test("is confirmed by an echo without a sender", async () => {
    const socket = await welcome(0);
    const sending = sender.send("all", "Hi");
    copy(socket, 1, "Hi");
    expect(await isSettled(sending)).toBe(true);
  });

  test("that is larger than the server's limit fails at once, and does not hold up the next one", async () => {
    const socket = await welcome(0);
    const tooLarge = sender.send("all", "x".repeat(65_537));
    const next = sender.send("all", "Hi");
    expect(await isSettled(tooLarge)).toBe(true);
    // Its beginning is enough to recognize it.
    expect(warnings).toEqual([`not sent: "${"x".repeat(60)}… (65537 characters)": more than 65536 bytes`]);
    copy(socket, 1, "Hi", "Alice");
    expect(await isSettled(next)).toBe(true);
    expect(sent(socket)).toEqual(["Hi"]);
  });

  test("is not sent again after a reconnect if its echo is among the missed messages", async () => {
    const first = await welcome(0);
    const sending = sender.send("all", "Hi");
    first.end(1006);
    await environment.untilNextTry(client);
    const second = await welcome(2, 1);
    expect(sent(second)).toEqual([]);
    copy(second, 1, "Hi", "Alice");
    copy(second, 2, "Others", "Bob");
    expect(await isSettled(sending)).toBe(true);
    expect(sent(second)).toEqual([]);
  });

  test("is sent again after a reconnect if the last of the missed messages is no longer stored", async () => {
    const first = await welcome(0);
    void sender.send("all", "Hi");
    first.end(1006);
    await environment.untilNextTry(client);
    const second = await environment.socket();
    second.welcome({ all: { epoch: "e", offset: 5, from: 1, recovered: true } });
    second.deliver({ type: "gap", channel: "all", from: 1, to: 5, reason: "ttl-expired" });
    await settle();
    expect(sent(second)).toEqual(["Hi"]);
  });

  test("is sent again after a reconnect once all missed messages have arrived without its echo", async () => {
    const first = await welcome(0);
    const sending = sender.send("all", "Hi");
    first.end(1006);
    await environment.untilNextTry(client);
    const second = await welcome(2, 1);
    copy(second, 1, "Others", "Bob");
    expect(sent(second)).toEqual([]);
    copy(second, 2, "Others", "Bob");
    expect(sent(second)).toEqual(["Hi"]);
    copy(second, 3, "Hi", "Alice");
    expect(await isSettled(sending)).toBe(true);
  });

  test("is sent again at once if the channel has a new epoch", async () => {
    const first = await welcome(7);
    void sender.send("all", "Hi");
    first.end(1006);
    await environment.untilNextTry(client);
    const second = await environment.socket();
    second.welcome({ all: { epoch: "other", offset: 0, from: 1, recovered: false, reason: "epoch-changed" } });
    await settle();
    expect(sent(second)).toEqual(["Hi"]);
  });

  test("is reported as not sent if the server refuses it", async () => {
    const socket = await welcome(0);
    const sending = sender.send("all", "Hi");
    socket.deliver({ type: "error", ref: socket.refOf("message"), code: "forbidden", message: "chat is off here" });
    await sending;
    expect(warnings).toEqual(['not sent: "Hi": chat is off here']);
  });
});

describe("a message to another channel", () => {
  test("is confirmed by the acknowledgement", async () => {
    const socket = await welcome(0);
    const sending = sender.send("room:1", "Hi");
    expect(socket.commands).toMatchObject([{ type: "publish", channel: "room:1", message: "Hi", sender: "Alice" }]);
    expect(await isSettled(sending)).toBe(false);
    socket.deliver({ type: "ack", ref: socket.refOf("publish"), channel: "room:1", id: "i", duplicate: false });
    expect(await isSettled(sending)).toBe(true);
  });

  test("is reported as not sent if the server refuses it", async () => {
    const socket = await welcome(0);
    const sending = sender.send("room:1", "Hi");
    socket.deliver({ type: "error", ref: socket.refOf("publish"), code: "forbidden", message: "not you\u001b" });
    await sending;
    expect(warnings).toEqual(['not sent: "Hi": not you\\x1b']);
  });
});
