import { describe, expect, test } from "bun:test";
import { ScriptedEnvironment, type ScriptedSocket, settle } from "../tests/client/scripted-environment.ts";
import { fc } from "../tests/property.ts";
import { BroadcastClient } from "./broadcast-client.ts";
import type { Client } from "./client.ts";

/** Every method that returns a promise. */
const methods: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
  publish: (client) => client.channel("room").publish(1),
  history: (client) => client.channel("room").history(),
  presence: (client) => client.channel("room").presence(),
  say: (client) => client.say("Hi"),
  "a loop": (client) => Array.fromAsync(client.channel("room")),
};

type Step =
  | { readonly kind: "ask"; readonly method: string }
  | {
      readonly kind:
        | "welcome"
        | "refuse"
        | "answer"
        | "break"
        | "drain"
        | "wait"
        | "close"
        | "connect"
        | "listen"
        | "end";
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(...Object.keys(methods)).map((method) => ({ kind: "ask" as const, method })),
  },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(
        ...([
          "welcome",
          "welcome",
          "refuse",
          "answer",
          "break",
          "drain",
          "wait",
          "close",
          "connect",
          "listen",
        ] as const),
        "end" as const,
      )
      .map((kind) => ({ kind })),
  },
);

describe("after close()", () => {
  test("every promise of the SDK settles, and the client sends no more requests", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, sse) => {
        const environment = new ScriptedEnvironment();
        const client = environment.client({ transports: [sse ? "sse" : "websocket"] });
        const asked: Promise<unknown>[] = [];
        let states = 0;
        const getState = async () => {
          states++;
          if (states % 2) throw new Error("no backend");
          return { data: states };
        };
        for (const it of steps) {
          if (it.kind === "ask") asked.push(Promise.resolve(methods[it.method]?.(client)).catch(() => undefined));
          else act(it.kind, environment, client, getState);
          await environment.move(it.kind === "wait" ? 3000 : 0);
        }
        client.close();
        for (const method of Object.values(methods)) asked.push(method(client).catch(() => undefined));
        const statesBefore = states;
        const socketsBefore = environment.sockets.length;
        client.channel("late", { getState }).on("state", () => {});
        await Promise.all(asked); // Fails by test timeout if a promise never settles.
        await environment.move(100_000);
        expect([states, environment.sockets.length]).toEqual([statesBefore, socketsBefore]);
        expect(environment.sockets.every(({ isClosed, hasEnded }) => isClosed || hasEnded)).toBe(true);
        expect(environment.clock.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test.each(Object.keys(methods).filter((name) => name !== "a loop"))("%s rejects with `closed`", async (name) => {
    const client = new ScriptedEnvironment().client();
    const before = methods[name]?.(client);
    client.close();
    const settled = await Promise.allSettled([before, methods[name]?.(client)]);
    expect(settled).toMatchObject([{ reason: { code: "closed" } }, { reason: { code: "closed" } }]);
  });

  test("a client ended by the server rejects commands too, and accepts them again after connect()", async () => {
    const environment = new ScriptedEnvironment();
    const { client, socket } = await environment.connected();
    socket.end(4504);
    await expect(client.channel("room").publish(1)).rejects.toMatchObject({ code: "closed" });
    client.connect();
    const published = client.channel("room").publish(2);
    const next = await environment.socket();
    next.welcome();
    next.deliver({ type: "ack", channel: "room", id: "x", duplicate: false, ref: next.refOf("publish") });
    expect(await published).toMatchObject({ type: "ack" });
  });

  test("a BroadcastClient rejects chat that it did not send, whether or not it ever connected", async () => {
    const client = new BroadcastClient({}, new ScriptedEnvironment());
    const early = client.send("early");
    client.close();
    await expect(early).rejects.toMatchObject({ code: "closed" });
    await expect(client.send("late")).rejects.toMatchObject({ code: "closed" });
  });

  test("sends a command three times when a live server does not answer, then rejects with timeout", async () => {
    const environment = new ScriptedEnvironment();
    const { client, socket } = await environment.connected();
    const published = client.channel("room").publish(1);
    const code = published.then(String, (error) => error.code);
    await settle();
    const sent = () => socket.sent.filter((it) => it.command.type === "publish");
    for (const times of [1, 2, 3]) {
      expect(sent()).toHaveLength(times);
      await live(environment, socket, 30_000);
    }
    expect(await code).toBe("timeout");
    expect(new Set(sent().map(({ command }) => JSON.stringify(command))).size).toBe(1);
    await live(environment, socket, 90_000);
    expect(sent()).toHaveLength(3);
  });

  test("does not give up any command while disconnected", async () => {
    const environment = new ScriptedEnvironment();
    const { client, socket } = await environment.connected();
    const published = client.channel("room").publish(1);
    await settle();
    socket.end(1006);
    await environment.move(100_000);
    const next = await environment.socket();
    next.welcome();
    next.deliver({ type: "ack", channel: "room", id: "x", duplicate: false, ref: next.refOf("publish") });
    expect(await published).toMatchObject({ type: "ack" });
  });

  test("repeats a subscription until a live server answers it", async () => {
    const environment = new ScriptedEnvironment();
    const { client, socket } = await environment.connected();
    const received: unknown[] = [];
    const room = client.channel("room");
    room.on("message", ({ data }) => received.push(data));
    room.on("error", ({ code }) => received.push(code));
    await environment.move(0);
    await live(environment, socket, 150_000);
    expect(socket.commands.filter(({ type }) => type === "subscribe").length).toBeGreaterThan(4);
    socket.subscribed("room", { epoch: "e", offset: 0, from: 1 });
    socket.deliver({ type: "message", channel: "room", offset: 1, id: "m", timestamp: "", data: 7 });
    expect(received).toEqual([7]);
  });

  test("reports a getState that hangs as an error, and calls it again", async () => {
    const environment = new ScriptedEnvironment();
    const { client, socket } = await environment.connected();
    const received: unknown[] = [];
    let asked = 0;
    const getState = () => (++asked === 1 ? new Promise<never>(() => {}) : Promise.resolve({ data: asked }));
    const doc = client.channel("doc", { getState });
    doc.on("state", (data) => received.push(data));
    doc.on("error", ({ code }) => received.push(code));
    await environment.move(0);
    await live(environment, socket, 29_000);
    expect([asked, received]).toEqual([1, []]);
    await live(environment, socket, 2000);
    expect([asked, received]).toEqual([2, ["no-state", 2]]);
    expect(socket.commands).toMatchObject([{ type: "subscribe", channel: "doc" }]);
  });

  test("ignores a getState that hangs past close(), and calls it again after connect()", async () => {
    const environment = new ScriptedEnvironment();
    const { client } = await environment.connected();
    const received: unknown[] = [];
    let asked = 0;
    let answer: (state: { data: unknown }) => void = () => {};
    const getState = () =>
      new Promise<{ data: unknown }>((resolve) => {
        asked++;
        answer = resolve;
      });
    const doc = client.channel("doc", { getState });
    doc.on("state", (data) => received.push(data));
    doc.on("error", ({ code }) => received.push(code));
    await environment.move(0);
    client.close();
    answer({ data: "late" });
    await settle();
    await environment.move(60_000);
    expect([asked, received]).toEqual([1, []]);
    client.connect();
    await environment.move(0);
    expect(asked).toBe(2);
    answer({ data: "new" });
    await settle();
    expect(received).toEqual(["new"]);
  });

  test("ignores a state that arrives after close(), and loads it again after connect()", async () => {
    const environment = new ScriptedEnvironment();
    const { client } = await environment.connected();
    let asked = 0;
    client.channel("doc", { getState: async () => ({ data: ++asked }) }).on("state", () => {});
    client.close();
    await environment.move(30_000);
    expect(asked).toBe(0);
    client.connect();
    await environment.move(0);
    expect(asked).toBe(1);
    client.close();
    await settle();
  });
});

/** Moves the clock on while the server shows that it is alive. */
async function live(environment: ScriptedEnvironment, socket: ScriptedSocket, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1000) {
    await environment.move(1000);
    socket.deliver({ type: "pong" });
  }
}

function act(
  kind: Exclude<Step["kind"], "ask">,
  environment: ScriptedEnvironment,
  client: Client,
  getState: () => Promise<{ data: unknown }>,
): void {
  const socket = environment.sockets.findLast((it) => !it.isClosed && !it.hasEnded);
  if (kind === "close") client.close();
  if (kind === "connect") client.connect();
  if (kind === "listen") client.channel("doc", { getState }).on("message", () => {});
  if (socket === undefined) return;
  if (kind === "welcome") socket.welcome();
  if (kind === "refuse")
    answerLast(socket, { type: "error", code: "broker-unavailable", message: "", retry_after_ms: 0 });
  if (kind === "answer") answerLast(socket, { type: "ack", channel: "room", id: "x", duplicate: false });
  if (kind === "drain") socket.draining(true, 0);
  if (kind === "break") socket.end(1006);
  if (kind === "end") socket.end(4504);
}

function answerLast(socket: ScriptedSocket, frame: object): void {
  const ref = socket.sent.findLast((it) => it.ref !== undefined)?.ref;
  if (ref !== undefined) socket.deliver({ ...frame, ref });
}
