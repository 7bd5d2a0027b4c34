import { describe, expect, test } from "bun:test";
import { ScriptedEnvironment, settle } from "../tests/client/scripted-environment.ts";
import type { State } from "./channel-options.ts";
import { makeClient } from "./client.ts";
import { ClientError } from "./client-error.ts";

const live = { epoch: "k3x9", offset: 9, from: 10 };

describe("publish", () => {
  test("resolves with the acknowledgement", async () => {
    const { socket, client } = await new ScriptedEnvironment().connected();
    const published = client.channel("room:1").publish({ x: 1 }, { event: "moved", id: "m1", echo: false });
    expect(socket.commands).toEqual([
      { type: "publish", channel: "room:1", data: { x: 1 }, event: "moved", id: "m1", echo: false },
    ]);
    const ack = { type: "ack", channel: "room:1", id: "m1", epoch: "k3x9", offset: 10, duplicate: false };
    socket.deliver({ ...ack, ref: socket.refOf("publish") });
    expect(await published).toMatchObject(ack);
  });

  test("carries an id, even if the option is undefined: otherwise a retry would be stored twice", async () => {
    const { socket, client } = await new ScriptedEnvironment().connected();
    void client.channel("room:1").publish(1, { id: undefined, event: undefined });
    expect(socket.commands).toEqual([
      { type: "publish", channel: "room:1", data: 1, id: expect.stringMatching(/^\d/) },
    ]);
  });

  test("waits for a connection, resends over the next one in order, and keeps each id", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    const room = client.channel("room:1");
    const published = [room.publish(1), room.publish(2)];
    const first = await environment.socket();
    expect(first.commands).toEqual([]);
    first.welcome();
    first.end(1006);
    const second = await environment.untilNextTry(client);
    second.welcome();
    expect(second.sent).toEqual(first.sent);
    expect(new Set(second.sent.map(({ command }) => "id" in command && command.id)).size).toBe(2);
    for (const { ref } of second.sent)
      second.deliver({ type: "ack", channel: "room:1", id: "x", duplicate: true, ref });
    expect(await Promise.all(published)).toMatchObject([{ duplicate: true }, { duplicate: true }]);
    second.end(1006);
    (await environment.untilNextTry(client)).welcome();
    expect((await environment.socket()).commands).toEqual([]);
  });

  test.each(["rate-limited", "broker-unavailable", "idempotency-full", "draining"])(
    "is retried after %p, and not earlier than the server asked",
    async (code) => {
      const environment = new ScriptedEnvironment();
      const { socket, client } = await environment.connected();
      void client.channel("room:1").publish(1);
      const ref = socket.refOf("publish");
      socket.deliver({ type: "error", ref, code, message: "", retry_after_ms: 800 });
      await environment.move(1299);
      expect(socket.commands).toHaveLength(1);
      await environment.move(1);
      expect(socket.sent[1]).toEqual(socket.sent[0]);
      socket.deliver({ type: "error", ref, code, message: "", retry_after_ms: 0 });
      await environment.move(999);
      expect(socket.commands).toHaveLength(2);
      await environment.move(1);
      expect(socket.commands).toHaveLength(3);
    },
  );

  test("rejects with the server's error", async () => {
    const { socket, client } = await new ScriptedEnvironment().connected();
    const published = client.channel("room:1").publish(1);
    socket.deliver({ type: "error", ref: socket.refOf("publish"), code: "forbidden", message: "not yours" });
    expect(await failure(published)).toEqual(["forbidden", "not yours"]);
  });

  test("rejects when a hundred publications are already queued", async () => {
    const client = new ScriptedEnvironment().client();
    const room = client.channel("room:1");
    const waiting = Array.from({ length: 100 }, (_, index) => room.publish(index));
    expect((await failure(room.publish(101)))[0]).toBe("queue-full");
    client.close();
    const results = await Promise.all(waiting.map(failure));
    expect(results).toEqual(Array.from({ length: 100 }, () => ["closed", "closed by the client"]));
  });

  test("makes room in the queue once it is answered", async () => {
    const environment = new ScriptedEnvironment();
    const room = environment.client({ queueSize: 1 }).channel("room:1");
    const socket = await environment.socket();
    socket.welcome();
    for (let index = 0; index < 3; index++) {
      const published = room.publish(index);
      socket.deliver({ type: "ack", channel: "room:1", id: "x", duplicate: false, ref: socket.refOf("publish") });
      expect(await published).toMatchObject({ type: "ack" });
    }
  });

  test("rejects data that does not match the schema, and sends nothing", async () => {
    const { socket, client } = await new ScriptedEnvironment().connected();
    const validate = () => ({ issues: [{ message: "expected a text" }] });
    const schema = { "~standard": { version: 1, vendor: "test", validate } } as const;
    const published = client.channel("room:1", { schema }).publish(7);
    await expect(published).rejects.toThrow("expected a text");
    await settle();
    expect(socket.commands).toEqual([]);
  });
});

test("history and presence resolve with their own answers, in any order", async () => {
  const { socket, client } = await new ScriptedEnvironment().connected();
  const room = client.channel("room:1");
  const history = room.history({ since: "last:2", limit: 2 });
  const presence = room.presence();
  expect(socket.commands).toEqual([
    { type: "history", channel: "room:1", since: "last:2", limit: 2 },
    { type: "presence", channel: "room:1" },
  ]);
  const users = { type: "presence", channel: "room:1", count: 2, users: ["a", "b"] };
  socket.deliver({ ...users, ref: socket.refOf("presence") });
  const messages = { type: "history", channel: "room:1", epoch: "e", offset: 2, messages: [], complete: true };
  socket.deliver({ ...messages, ref: socket.refOf("history") });
  expect(await presence).toMatchObject(users);
  expect(await history).toMatchObject(messages);
});

test("sends chat text once, and reports its refusal as a client error", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client();
  const errors: string[] = [];
  client.on("error", ({ code }) => void errors.push(code));
  const sent = client.say("Hi", "Alice");
  const socket = await environment.socket();
  socket.welcome();
  await sent;
  expect(socket.commands).toEqual([{ type: "message", message: "Hi", sender: "Alice" }]);
  socket.deliver({ type: "error", ref: socket.refOf("message"), code: "forbidden", message: "chat is off" });
  expect(errors).toEqual(["forbidden"]);
  socket.end(1006);
  const next = await environment.untilNextTry(client);
  next.welcome();
  expect(next.commands).toEqual([]);
});

describe("a loop over a channel", () => {
  test("yields each message across reconnects, and unsubscribes when the loop ends", async () => {
    const environment = new ScriptedEnvironment();
    const { socket, client } = await environment.connected();
    const got: unknown[] = [];
    const loop = (async () => {
      for await (const { data } of client.channel("room:1")) if (got.push(data) === 3) break;
    })();
    await environment.move(0);
    socket.subscribed("room:1", live);
    socket.message("room:1", 10);
    socket.message("room:1", 11);
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    next.welcome({ "room:1": { epoch: "k3x9", offset: 12, from: 12, recovered: true } });
    next.message("room:1", 12);
    await loop;
    expect(got).toEqual([10, 11, 12]);
    await environment.move(0);
    expect(next.commands).toEqual([{ type: "unsubscribe", channel: "room:1" }]);
  });

  test("`return` ends it at once, also while it waits for a message", async () => {
    const environment = new ScriptedEnvironment();
    const { socket, client } = await environment.connected();
    const messages = client.channel("room:1")[Symbol.asyncIterator]();
    const waiting = messages.next();
    await environment.move(0);
    socket.subscribed("room:1", live);
    expect(await messages.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    await environment.move(0);
    expect(socket.commands.at(-1)).toEqual({ type: "unsubscribe", channel: "room:1" });
    expect(await client.channel("room:1")[Symbol.asyncIterator]().return()).toEqual({ done: true, value: undefined });
  });

  test("ends when the client closes", async () => {
    const { client } = await new ScriptedEnvironment().connected();
    const loop = Array.fromAsync(client.channel("room:1"));
    client.close();
    expect(await loop).toEqual([]);
  });

  test("throws when it falls too far behind instead of buffering everything", async () => {
    const environment = new ScriptedEnvironment();
    const { socket, client } = await environment.connected();
    const messages = client.channel("room:1")[Symbol.asyncIterator]();
    const first = messages.next();
    await environment.move(0);
    socket.subscribed("room:1", live);
    for (let offset = 10; offset < 1010; offset++) socket.message("room:1", offset);
    expect(await first).toMatchObject({ value: { offset: 10 } });
    for (let offset = 1010; offset < 1012; offset++) socket.message("room:1", offset);
    await expect(messages.next()).rejects.toThrow("too far behind");
    await environment.move(0);
    expect(socket.commands.at(-1)).toEqual({ type: "unsubscribe", channel: "room:1" });
  });
});

describe("a channel with a state", () => {
  test("subscribes from the state's position, once the state has loaded", async () => {
    const { environment, socket, states, messages, answers } = await withState();
    await environment.move(0);
    expect(socket.commands).toEqual([]);
    answers[0]?.resolve({ data: "v9", position: { epoch: "k3x9", offset: 9 } });
    await settle();
    const since = { epoch: "k3x9", offset: 9 };
    expect(socket.commands).toEqual([{ type: "subscribe", channel: "doc", since }]);
    socket.subscribed("doc", { epoch: "k3x9", offset: 10, from: 10, recovered: true });
    socket.message("doc", 10);
    expect(states).toEqual(["v9"]);
    expect(messages).toEqual([10]);
  });

  test("loads the state once, even when more listeners are added meanwhile", async () => {
    const { environment, client, answers } = await withState();
    await environment.move(0);
    client.channel("doc").on("message", () => {});
    client.channel("other").on("message", () => {});
    await environment.move(0);
    expect(answers).toHaveLength(1);
  });

  test("resumes from its own position even if the URL of the client has a since, which counts for the first connection", async () => {
    const environment = new ScriptedEnvironment();
    const client = makeClient("https://push.example.com/?since=last:5", {}, environment);
    client.connect();
    client.channel("doc").on("message", () => {});
    const socket = await environment.socket();
    expect(socket.query).toMatchObject({ since: "last:5", channel: ["doc"] });
    socket.welcome({ doc: live });
    await settle();
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    expect(next.target.query.getAll("since")).toEqual(["doc~k3x9~9"]);
  });

  test("resumes after a reconnect without reloading the state", async () => {
    const { environment, socket, answers, client } = await withState();
    await environment.move(0);
    answers[0]?.resolve({ data: "v9", position: { epoch: "k3x9", offset: 9 } });
    await settle();
    socket.subscribed("doc", { ...live, recovered: true });
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    expect(next.query.since).toBe("doc~k3x9~9");
    expect(answers).toHaveLength(1);
  });

  test("reloads the state after a gap, and delivers nothing meanwhile", async () => {
    const { environment, socket, states, messages, gaps, answers } = await withState();
    await environment.move(0);
    answers[0]?.resolve({ data: "v9", position: { epoch: "k3x9", offset: 9 } });
    await settle();
    socket.subscribed("doc", { ...live, recovered: true });
    const gap = { epoch: "k3x9", from: 10, to: 40, reason: "history-too-short" };
    socket.deliver({ type: "system", event: "gap", channel: "doc", message: "", ...gap });
    await environment.move(0);
    expect(socket.commands.at(-1)).toEqual({ type: "unsubscribe", channel: "doc" });
    socket.message("doc", 41);
    answers[1]?.resolve({ data: "v45", position: { epoch: "k3x9", offset: 45 } });
    await settle();
    expect(socket.commands.at(-1)).toMatchObject({ type: "subscribe", since: { offset: 45 } });
    socket.subscribed("doc", { epoch: "k3x9", offset: 46, from: 46, recovered: true });
    socket.message("doc", 46);
    expect(states).toEqual(["v9", "v45"]);
    expect(messages).toEqual([46]);
    expect(gaps).toHaveLength(1);
  });

  test("reports a gap when even a fresh state is too old, and does not reload in a loop", async () => {
    const { environment, socket, messages, gaps, answers } = await withState();
    await environment.move(0);
    answers[0]?.resolve({ data: "old", position: { epoch: "k3x9", offset: 1 } });
    await settle();
    socket.subscribed("doc", { epoch: "k3x9", offset: 60, from: 50, recovered: false, reason: "history-too-short" });
    socket.message("doc", 50);
    await environment.move(20_000);
    expect(gaps).toHaveLength(1);
    expect(messages).toEqual([50]);
    expect(answers).toHaveLength(1);
  });

  test("reports an error when loading fails, and loads again", async () => {
    const { environment, socket, errors, answers } = await withState();
    await environment.move(0);
    answers[0]?.reject(new Error("no backend"));
    await settle();
    expect(errors).toEqual(["no-state: Error: no backend"]);
    await environment.move(1000);
    answers[1]?.resolve({ data: "v1" });
    await settle();
    expect(socket.commands).toEqual([{ type: "subscribe", channel: "doc" }]);
  });
});

/** Listens to `doc`; the test supplies its states. */
async function withState() {
  const environment = new ScriptedEnvironment();
  const { socket, client } = await environment.connected();
  const answers: PromiseWithResolvers<State>[] = [];
  const getState = () => {
    const answer = Promise.withResolvers<State>();
    answers.push(answer);
    return answer.promise;
  };
  const [states, messages, gaps, errors]: unknown[][] = [[], [], [], []];
  const doc = client.channel("doc", { getState });
  doc.on("state", (state) => states?.push(state));
  doc.on("message", ({ data }) => messages?.push(data));
  doc.on("gap", (gap) => gaps?.push(gap));
  doc.on("error", ({ code, message }) => errors?.push(`${code}: ${message}`));
  return { environment, socket, client, answers, states, messages, gaps, errors };
}

async function failure(promise: Promise<unknown>) {
  try {
    await promise;
    return ["no failure"];
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return [error.code, error.message];
  }
}
