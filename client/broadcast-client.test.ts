import { expect, test } from "bun:test";
import { ScriptedWorld, settle } from "../tests/client/scripted-world.ts";
import { BroadcastClient } from "./broadcast-client.ts";

test("it connects, says and hears", async () => {
  const world = new ScriptedWorld();
  const client = new BroadcastClient({ host: "::1", port: 9000, name: "Alice", secure: true }, world);
  const heard: unknown[] = [];
  client.onMessage(({ message }) => void heard.push(message));
  expect(world.sockets).toEqual([]);
  const connected = client.connect();
  const socket = await world.socket();
  expect(socket.target.url.href).toBe("wss://[::1]:9000/ws");
  socket.welcome({ all: { epoch: "k3x9", offset: 0, from: 1 } });
  await connected;
  await client.send("Hello");
  expect(socket.commands).toEqual([{ type: "message", message: "Hello", sender: "Alice" }]);
  socket.say({ type: "message", channel: "all", offset: 1, id: "1", timestamp: "", message: "Hello", sender: "Alice" });
  expect(heard).toEqual(["Hello"]);
});

test("a first try that fails is the end of it", async () => {
  const world = new ScriptedWorld();
  const client = new BroadcastClient({}, world);
  const connected = client.connect();
  (await world.socket()).end(1006);
  await expect(connected).rejects.toThrow("no connection: as the test says (1006)");
  await world.move(20_000);
  expect(world.sockets).toHaveLength(1);
});

test("a later break is not: it comes back by itself, and what is said meanwhile waits", async () => {
  const world = new ScriptedWorld();
  const client = new BroadcastClient({}, world);
  const connected = client.connect();
  const socket = await world.socket();
  socket.welcome();
  await connected;
  const statuses: string[] = [];
  client.onState(({ status }) => void statuses.push(status));
  socket.end(1006);
  const sent = client.send("still here?");
  await world.move(500);
  const next = await world.socket();
  next.welcome();
  await sent;
  expect(next.commands).toEqual([{ type: "message", message: "still here?" }]);
  expect(statuses).toEqual(["reconnecting", "reconnecting", "connected"]);
});

test("who is closed can connect anew, and what was not said is refused", async () => {
  const world = new ScriptedWorld();
  const client = new BroadcastClient({}, world);
  const sent = client.send("too early");
  client.connect().catch(() => {});
  await settle();
  client.close();
  await expect(sent).rejects.toThrow("closed by the client");
  const connected = client.connect();
  (await world.socket()).welcome();
  expect(await connected).toBeUndefined();
});
