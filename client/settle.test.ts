import { describe, expect, test } from "bun:test";
import { type ScriptedSocket, ScriptedWorld, settle } from "../tests/client/scripted-world.ts";
import { fc } from "../tests/property.ts";
import { BroadcastClient } from "./broadcast-client.ts";
import type { Client } from "./client.ts";

/** Everything that gives a promise. */
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
  test("every promise that the SDK ever gave settles, and nobody is asked for anything any more", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, sse) => {
        const world = new ScriptedWorld();
        const client = world.client({ transports: [sse ? "sse" : "websocket"] });
        const asked: Promise<unknown>[] = [];
        let states = 0;
        const getState = async () => {
          states++;
          if (states % 2) throw new Error("no backend");
          return { data: states };
        };
        for (const it of steps) {
          if (it.kind === "ask") asked.push(Promise.resolve(methods[it.method]?.(client)).catch(() => undefined));
          else act(it.kind, world, client, getState);
          await world.move(it.kind === "wait" ? 3000 : 0);
        }
        client.close();
        for (const method of Object.values(methods)) asked.push(method(client).catch(() => undefined));
        const statesBefore = states;
        const socketsBefore = world.sockets.length;
        client.channel("late", { getState }).on("state", () => {});
        await Promise.all(asked); // or the test times out
        await world.move(100_000);
        expect([states, world.sockets.length]).toEqual([statesBefore, socketsBefore]);
        expect(world.sockets.every(({ isClosed, hasEnded }) => isClosed || hasEnded)).toBe(true);
        expect(world.clock.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  test.each(Object.keys(methods).filter((name) => name !== "a loop"))("%s is refused with `closed`", async (name) => {
    const client = new ScriptedWorld().client();
    const before = methods[name]?.(client);
    client.close();
    const settled = await Promise.allSettled([before, methods[name]?.(client)]);
    expect(settled).toMatchObject([{ reason: { code: "closed" } }, { reason: { code: "closed" } }]);
  });

  test("a client that was ended by the server refuses as well, and takes commands again after connect()", async () => {
    const world = new ScriptedWorld();
    const { client, socket } = await world.connected();
    socket.end(4504);
    await expect(client.channel("room").publish(1)).rejects.toMatchObject({ code: "closed" });
    client.connect();
    const published = client.channel("room").publish(2);
    const next = await world.socket();
    next.welcome();
    next.say({ type: "ack", channel: "room", id: "x", duplicate: false, ref: next.refOf("publish") });
    expect(await published).toMatchObject({ type: "ack" });
  });

  test("a BroadcastClient refuses what it never said, whether or not it ever connected", async () => {
    const client = new BroadcastClient({}, new ScriptedWorld());
    const early = client.send("early");
    client.close();
    await expect(early).rejects.toMatchObject({ code: "closed" });
    await expect(client.send("late")).rejects.toMatchObject({ code: "closed" });
  });

  test("a state that was asked for comes too late, and is asked for again after connect()", async () => {
    const world = new ScriptedWorld();
    const { client } = await world.connected();
    let asked = 0;
    client.channel("doc", { getState: async () => ({ data: ++asked }) }).on("state", () => {});
    client.close();
    await world.move(30_000);
    expect(asked).toBe(0);
    client.connect();
    await world.move(0);
    expect(asked).toBe(1);
    client.close();
    await settle();
  });
});

function act(
  kind: Exclude<Step["kind"], "ask">,
  world: ScriptedWorld,
  client: Client,
  getState: () => Promise<{ data: unknown }>,
): void {
  const socket = world.sockets.findLast((it) => !it.isClosed && !it.hasEnded);
  if (kind === "close") client.close();
  if (kind === "connect") client.connect();
  if (kind === "listen") client.channel("doc", { getState }).on("message", () => {});
  if (socket === undefined) return;
  if (kind === "welcome") socket.welcome();
  if (kind === "refuse") answerLast(socket, { type: "error", code: "broker-unavailable", message: "" });
  if (kind === "answer") answerLast(socket, { type: "ack", channel: "room", id: "x", duplicate: false });
  if (kind === "drain") socket.draining(true, 0);
  if (kind === "break") socket.end(1006);
  if (kind === "end") socket.end(4504);
}

function answerLast(socket: ScriptedSocket, frame: object): void {
  const ref = socket.said.findLast((it) => it.ref !== undefined)?.ref;
  if (ref !== undefined) socket.say({ ...frame, ref });
}
