import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Shared } from "../shared.ts";
import { eventually } from "../waiting.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";
import { StreamUnderTest } from "./stream.ts";

const config = 'channels: [{ match: "room:*", presence: on, presence_events: on }]';
const env = { PRESENCE_SIZE: "2", PRESENCE_RATE: "0" };

interface Client extends Disposable {
  readonly messages: readonly unknown[];
}

const transports = {
  WebSocket: ({ wsUrl }: ServerUnderTest, query: string): Promise<Client> => SocketUnderTest.open(`${wsUrl}?${query}`),
  "an event stream": ({ url }: ServerUnderTest, query: string): Promise<Client> =>
    StreamUnderTest.open(`${url}/sse?${query}`),
};

describe.each([
  { kind: "one process", flags: [] },
  { kind: "two workers", flags: ["--workers", "2"] },
])("in $kind with room for two presences per channel", ({ flags }) => {
  let cwd: string;
  let server: ServerUnderTest;
  const shared = new Shared();
  beforeAll(async () => {
    cwd = mkdtempSync(join(tmpdir(), "fanfare-presence-size-"));
    writeFileSync(join(cwd, "fanfare.config.yaml"), config);
    server = await shared.use(startServer({ cwd, flags, env }));
  });
  afterAll(async () => {
    await shared.close();
    rmSync(cwd, { recursive: true, force: true });
  });

  const ask = async (path: string) => (await (await server.request("GET", path)).json()) as Record<string, unknown>;

  test.each(Object.entries(transports))(
    "the third client over %s has no place in the list until another one leaves",
    async (transport, open) => {
      const channel = transport === "WebSocket" ? "room:1" : "room:2";
      const presence = () => ask(`/v1/channels/${channel}/presence`);
      using first = await SocketUnderTest.open(`${server.wsUrl}?user_id=first&channel=${channel}`);
      using _second = await open(server, `user_id=second&channel=${channel}`);
      await eventually(async () => expect(await presence()).toMatchObject({ count: 2, users: ["first", "second"] }));
      expect(await presence()).not.toHaveProperty("unlisted"); // at the limit
      using third = await open(server, `user_id=third&channel=${channel}`);
      await eventually(async () => expect(await presence()).toMatchObject({ count: 2, unlisted: 1 }));
      await eventually(async () => expect((await ask("/metrics")).unlisted_presences).toBe(1));
      await server.untilLogged(
        new RegExp(`${channel} has 2 connections in its presence, as many as PRESENCE_SIZE allows`),
      );

      await server.request("POST", "/v1/publish", { channel, message: "Hello" });
      await eventually(() => expect(third.messages).toMatchObject([{ message: "Hello" }]));
      first.send({ type: "unsubscribe", channel });
      await eventually(async () => expect(await presence()).toMatchObject({ count: 2, users: ["second", "third"] }));
      await eventually(async () => expect((await ask("/metrics")).unlisted_presences).toBe(0));
    },
  );
});

describe.each([
  { kind: "one process", flags: [] },
  { kind: "two workers", flags: ["--workers", "2"] },
])("in $kind with room for two presences in channels of their own", ({ flags }) => {
  let cwd: string;
  let server: ServerUnderTest;
  const shared = new Shared();
  beforeAll(async () => {
    cwd = mkdtempSync(join(tmpdir(), "fanfare-presence-bytes-"));
    writeFileSync(join(cwd, "fanfare.config.yaml"), config);
    server = await shared.use(startServer({ cwd, flags, env: { PRESENCE_BYTES: "6KiB", PRESENCE_RATE: "0" } }));
  });
  afterAll(async () => {
    await shared.close();
    rmSync(cwd, { recursive: true, force: true });
  });

  test.each(Object.entries(transports))(
    "a client that joins three channels over %s receives the messages of all, and is listed in two",
    async (_, open) => {
      const rooms = ["room:1", "room:2", "room:3"];
      const ask = async (path: string) => (await (await server.request("GET", path)).json()) as Record<string, unknown>;
      const presences = () => Promise.all(rooms.map((room) => ask(`/v1/channels/${room}/presence`)));
      const listed = { count: 1, users: ["alice"] };
      const unlisted = { count: 0, users: [], unlisted: 1 };

      using alice = await open(server, `user_id=alice&channels=room:1,room:2`);
      await eventually(async () => expect((await presences()).slice(0, 2)).toMatchObject([listed, listed]));
      expect((await ask("/metrics")).unlisted_presences).toBe(0); // at the limit
      alice[Symbol.dispose]();
      await eventually(async () => expect(await presences()).toMatchObject(rooms.map(() => ({ count: 0 }))));

      using bob = await open(server, `user_id=alice&channels=${rooms}`);
      await eventually(async () => expect(await presences()).toMatchObject([listed, listed, unlisted]));
      await eventually(async () => expect((await ask("/metrics")).unlisted_presences).toBe(1));
      await server.untilLogged(/as many as PRESENCE_BYTES allows/);
      await server.request("POST", "/v1/publish", { channel: "room:3", message: "Hello" });
      await eventually(() => expect(bob.messages).toMatchObject([{ channel: "room:3", message: "Hello" }]));
      bob[Symbol.dispose]();
      await eventually(async () => expect((await ask("/metrics")).unlisted_presences).toBe(0));
      await eventually(async () => expect(await presences()).toMatchObject(rooms.map(() => ({ count: 0 }))));
    },
  );
});
