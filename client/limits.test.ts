import { describe, expect, test } from "bun:test";
import { ScriptedEnvironment, settle } from "../tests/client/scripted-environment.ts";
import { ClientError } from "./client-error.ts";

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof ClientError ? error.code : `${error}`),
  );

async function welcomed(limits: { max_message_bytes?: number; message_rate?: number }) {
  const environment = new ScriptedEnvironment();
  const client = environment.client({ queueSize: 1000 });
  const socket = await environment.socket();
  socket.welcome({}, 30_000, limits);
  await settle();
  return { environment, client, socket };
}

describe("a publication over the server's limits", () => {
  test("is accepted at the limit, and a larger one is rejected without being sent", async () => {
    const { client, socket } = await welcomed({ max_message_bytes: 10 });
    const room = client.channel("room");
    void room.publish("12345678").catch(() => {}); // plus two quotes
    expect(await codeOf(room.publish("123456789"))).toBe("too-large");
    void room.publish(undefined, { message: "äöüäö" }).catch(() => {});
    expect(await codeOf(room.publish(undefined, { message: "äöüäöü" }))).toBe("too-large");
    void room.publish("1", { message: "1234567" }).catch(() => {});
    expect(await codeOf(room.publish("1", { message: "12345678" }))).toBe("too-large");
    expect(await codeOf(client.say("12345678901"))).toBe("too-large");
    const withHeaders = (value: string) => codeOf(room.publish("12", { message: "34", headers: { ä: value } }));
    void withHeaders("12");
    expect(await withHeaders("123")).toBe("too-large");
    expect(socket.commands).toHaveLength(4);
  });

  test("is not sent either when it was queued before the limit was known, and the others are", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    const tooLarge = codeOf(client.channel("room").publish("x".repeat(100)));
    const fine = client.channel("room").publish(1);
    const socket = await environment.socket();
    socket.welcome({}, 30_000, { max_message_bytes: 50 });
    expect(await tooLarge).toBe("too-large");
    expect(socket.commands).toMatchObject([{ type: "publish", data: 1 }]);
    socket.deliver({ type: "ack", channel: "room", id: "x", duplicate: false, ref: socket.refOf("publish") });
    expect(await fine).toMatchObject({ type: "ack" });
  });

  test("is rejected at once when it is not JSON, and does not break the connection", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    await expect(client.channel("room").publish(1n)).rejects.toThrow(TypeError);
    (await environment.socket()).welcome();
    expect(client.state.status).toBe("connected");
  });
});

describe("commands are sent at the rate that the server allows", () => {
  test("a queue of 300 never exceeds the burst of one second, nor the rate afterwards", async () => {
    const { environment, client, socket } = await welcomed({ message_rate: 50 });
    for (let at = 0; at < 300; at++)
      void client
        .channel("room")
        .publish(at)
        .catch(() => {});
    expect(socket.commands).toHaveLength(50);
    for (let ms = 0; ms < 5000; ms += 100) {
      await environment.move(100);
      expect(socket.commands.length).toBeLessThanOrEqual(50 + (ms + 100) / 20);
    }
    expect(socket.commands.map((it) => "data" in it && it.data)).toEqual([...Array(300).keys()]);
    client.close();
  });

  test("each new connection starts with a full burst, in order", async () => {
    const { environment, client, socket } = await welcomed({ message_rate: 10 });
    for (let at = 0; at < 30; at++)
      void client
        .channel("room")
        .publish(at)
        .catch(() => {});
    await environment.move(500);
    expect(socket.commands).toHaveLength(15);
    socket.end(4029);
    const next = await environment.untilNextTry(client);
    next.welcome({}, 30_000, { message_rate: 10 });
    expect(next.commands).toHaveLength(10);
    await environment.move(2000);
    expect(next.commands.map((it) => "data" in it && it.data)).toEqual([...Array(30).keys()]);
    client.close();
  });

  test("chat that waits for its turn survives the loss of the connection", async () => {
    const { environment, client, socket } = await welcomed({ message_rate: 1 });
    const sent = ["a", "b", "c"].map((text) => client.say(text));
    expect(socket.commands).toHaveLength(1);
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    next.welcome({}, 30_000, { message_rate: 1 });
    await environment.move(1000);
    await Promise.all(sent);
    expect(next.commands).toMatchObject([{ message: "b" }, { message: "c" }]);
  });

  test("subscriptions count too, and a wall clock that is set back stops nothing", async () => {
    const { environment, client, socket } = await welcomed({ message_rate: 2 });
    for (let at = 0; at < 6; at++) client.channel(`room:${at}`).on("message", () => {});
    await environment.move(0);
    expect(socket.commands).toHaveLength(2);
    environment.clock.set(-3_600_000);
    await environment.move(3000);
    expect(socket.commands).toHaveLength(6);
    void client
      .channel("room")
      .publish(1)
      .catch(() => {});
    await environment.move(5000);
    expect(socket.commands).toHaveLength(7);
    client.close();
  });
});
