import { expect, test } from "bun:test";
import { ScriptedEnvironment, settle } from "../tests/client/scripted-environment.ts";
import { BroadcastClient } from "./broadcast-client.ts";

test("connects, sends chat and receives chat", async () => {
  const environment = new ScriptedEnvironment();
  const client = new BroadcastClient({ host: "::1", port: 9000, name: "Alice", secure: true }, environment);
  const received: unknown[] = [];
  client.onMessage(({ message }) => void received.push(message));
  expect(environment.sockets).toEqual([]);
  const connected = client.connect();
  const socket = await environment.socket();
  expect(socket.target.url.href).toBe("wss://[::1]:9000/ws");
  socket.welcome({ all: { epoch: "k3x9", offset: 0, from: 1 } });
  await connected;
  await client.send("Hello");
  expect(socket.commands).toEqual([{ type: "message", message: "Hello", sender: "Alice" }]);
  socket.deliver({
    type: "message",
    channel: "all",
    offset: 1,
    id: "1",
    timestamp: "",
    message: "Hello",
    sender: "Alice",
  });
  expect(received).toEqual(["Hello"]);
});

test("rejects connect() when the first attempt fails, and does not retry", async () => {
  const environment = new ScriptedEnvironment();
  const client = new BroadcastClient({}, environment);
  const connected = client.connect();
  (await environment.socket()).end(1006);
  await expect(connected).rejects.toThrow("no connection: as the test says (1006)");
  await environment.move(20_000);
  expect(environment.sockets).toHaveLength(1);
});

test("reconnects after a later break, and sends the chat queued meanwhile", async () => {
  const environment = new ScriptedEnvironment();
  const client = new BroadcastClient({}, environment);
  const connected = client.connect();
  const socket = await environment.socket();
  socket.welcome();
  await connected;
  const statuses: string[] = [];
  client.onState(({ status }) => void statuses.push(status));
  socket.end(1006);
  const sent = client.send("still here?");
  await environment.move(500);
  const next = await environment.socket();
  next.welcome();
  await sent;
  expect(next.commands).toEqual([{ type: "message", message: "still here?" }]);
  expect(statuses).toEqual(["reconnecting", "reconnecting", "connected"]);
});

test("a closed client can connect again, and rejects chat that was not sent", async () => {
  const environment = new ScriptedEnvironment();
  const client = new BroadcastClient({}, environment);
  const sent = client.send("too early");
  client.connect().catch(() => {});
  await settle();
  client.close();
  await expect(sent).rejects.toThrow("closed by the client");
  const connected = client.connect();
  (await environment.socket()).welcome();
  expect(await connected).toBeUndefined();
});
