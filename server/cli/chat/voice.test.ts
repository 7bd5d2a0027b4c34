import { beforeEach, describe, expect, test } from "bun:test";
import type { Client } from "../../../client/index.ts";
import { ScriptedEnvironment, type ScriptedSocket, settle } from "../../../tests/client/scripted-environment.ts";
import { Voice } from "./voice.ts";

let world: ScriptedEnvironment;
let client: Client;
let complaints: string[];
let voice: Voice;

beforeEach(() => {
  world = new ScriptedEnvironment();
  client = world.client({ transports: ["websocket"] });
  complaints = [];
  voice = new Voice({ client, clock: world.clock, name: "Alice", complain: (line) => void complaints.push(line) });
});

/** The server's end of a connection whose numbering stands at `offset`, and goes on from `from`. */
async function welcome(offset: number, from = offset + 1): Promise<ScriptedSocket> {
  const socket = await world.socket();
  socket.welcome({ all: { epoch: "e", offset, from, recovered: true } });
  await settle();
  return socket;
}

function copy(socket: ScriptedSocket, offset: number, message: string, sender?: string): void {
  const timestamp = "2026-01-01T00:00:00.000Z";
  socket.say({ type: "message", channel: "all", offset, id: `m${offset}`, timestamp, message, sender });
}

const said = (socket: ScriptedSocket) => socket.commands.flatMap((it) => (it.type === "message" ? [it.message] : []));

async function isSettled(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), settle().then(() => false)]);
}

describe("what is said to everyone", () => {
  test("waits for the welcome, and is said when one's own copy is there", async () => {
    const speaking = voice.speak("all", "Hi");
    expect(voice.isHeard).toBe(false);
    const socket = await welcome(0);
    expect(socket.commands).toEqual([{ type: "message", message: "Hi", sender: "Alice" }]);
    copy(socket, 1, "Hi", "Bob");
    expect(await isSettled(speaking)).toBe(false);
    copy(socket, 2, "Hi", "Alice");
    expect(await isSettled(speaking)).toBe(true);
  });

  test("is known by the user or by nobody, where the server names whom it knows", async () => {
    const socket = await welcome(0);
    const speaking = voice.speak("all", "Hi");
    copy(socket, 1, "Hi");
    expect(await isSettled(speaking)).toBe(true);
  });

  test("is not said again after a break where the copy is among what was missed", async () => {
    const first = await welcome(0);
    const speaking = voice.speak("all", "Hi");
    first.end(1006);
    await world.untilNextTry(client);
    const second = await welcome(2, 1);
    expect(said(second)).toEqual([]);
    copy(second, 1, "Hi", "Alice");
    copy(second, 2, "Others", "Bob");
    expect(await isSettled(speaking)).toBe(true);
    expect(said(second)).toEqual([]);
  });

  test("is said again after a break, once all that was missed has been seen without it", async () => {
    const first = await welcome(0);
    const speaking = voice.speak("all", "Hi");
    first.end(1006);
    await world.untilNextTry(client);
    const second = await welcome(2, 1);
    copy(second, 1, "Others", "Bob");
    expect(said(second)).toEqual([]);
    copy(second, 2, "Others", "Bob");
    expect(said(second)).toEqual(["Hi"]);
    copy(second, 3, "Hi", "Alice");
    expect(await isSettled(speaking)).toBe(true);
  });

  test("is said again at once where the numbering began anew", async () => {
    const first = await welcome(7);
    void voice.speak("all", "Hi");
    first.end(1006);
    await world.untilNextTry(client);
    const second = await world.socket();
    second.welcome({ all: { epoch: "other", offset: 0, from: 1, recovered: false, reason: "epoch-changed" } });
    await settle();
    expect(said(second)).toEqual(["Hi"]);
  });

  test("is told where the server refuses it", async () => {
    const socket = await welcome(0);
    const speaking = voice.speak("all", "Hi");
    socket.say({ type: "error", ref: socket.refOf("message"), code: "forbidden", message: "chat is off here" });
    await speaking;
    expect(complaints).toEqual(['not sent: "Hi": chat is off here']);
  });
});

describe("what is said in another channel", () => {
  test("is said when it is acknowledged", async () => {
    const socket = await welcome(0);
    const speaking = voice.speak("room:1", "Hi");
    expect(socket.commands).toMatchObject([{ type: "publish", channel: "room:1", message: "Hi", sender: "Alice" }]);
    expect(await isSettled(speaking)).toBe(false);
    socket.say({ type: "ack", ref: socket.refOf("publish"), channel: "room:1", id: "i", duplicate: false });
    expect(await isSettled(speaking)).toBe(true);
  });

  test("is told where the server refuses it", async () => {
    const socket = await welcome(0);
    const speaking = voice.speak("room:1", "Hi");
    socket.say({ type: "error", ref: socket.refOf("publish"), code: "forbidden", message: "not you\u001b" });
    await speaking;
    expect(complaints).toEqual(['not sent: "Hi": not you\\x1b']);
  });
});
