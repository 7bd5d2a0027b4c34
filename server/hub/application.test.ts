import { afterEach, describe, expect, test } from "bun:test";
import { type ErrorCode, ServiceError } from "../../protocol/errors.ts";
import { nameOf, TestHub } from "../../tests/fakes/hub.ts";
import { noGrants } from "../auth/grants.ts";
import type { Identity } from "../auth/identity.ts";

let it: TestHub;
afterEach(() => it.close());

/** An application that answers when the test says so. */
class SlowApplication {
  readonly decidesOnConnections = true;
  readonly questions: string[] = [];
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();

  mayConnect(identity: Identity): Promise<void> | undefined {
    return this.#ask(`connect ${identity.userId}`);
  }

  maySubscribe(identity: Identity, channel: string): Promise<void> | undefined {
    return this.#ask(`${identity.userId} in ${channel}`);
  }

  allow(question: string): void {
    this.#waiting.get(question)?.resolve();
  }

  refuse(question: string, code: ErrorCode = "forbidden"): void {
    this.#waiting.get(question)?.reject(new ServiceError(code, "not you"));
  }

  #ask(question: string): Promise<void> | undefined {
    this.questions.push(question);
    if (question.startsWith("connect") && !question.includes("mallory")) return undefined;
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(question, waiting);
    return waiting.promise;
  }
}

async function start() {
  const application = new SlowApplication();
  const access = { subscribe: "hook", publish: "anyone", presence: "on" } as const;
  it = await TestHub.start({ application, access });
  return application;
}

describe("a connection that the application must allow", () => {
  test("is admitted once it does", async () => {
    const application = await start();
    const client = it.connect({ userId: "mallory" });
    await it.settle();
    expect(it.hub.connections.size).toBe(0);
    application.allow("connect mallory");
    expect((await client).session.isWelcomed).toBe(true);
  });

  test("is refused with its reason, and leaves nothing behind", async () => {
    const application = await start();
    const client = it.connect({ userId: "mallory" });
    application.refuse("connect mallory");
    expect(client).rejects.toThrow("not you");
    await client.catch(() => undefined);
    expect([it.hub.connections.size, it.hub.reception.counts]).toEqual([0, { admitted: 0, refused: 1 }]);
  });

  test("is not asked about if the server is shutting down", async () => {
    const application = await start();
    it.hub.reception.closedBecause = new ServiceError("draining", "the server is shutting down");
    expect(it.connect({ userId: "mallory" })).rejects.toThrow("shutting down");
    expect(application.questions).toEqual([]);
  });

  test("is refused if the server has begun to shut down meanwhile", async () => {
    const application = await start();
    const client = it.connect({ userId: "mallory" });
    it.hub.reception.closedBecause = new ServiceError("draining", "the server is shutting down");
    application.allow("connect mallory");
    expect(client).rejects.toThrow("shutting down");
    await client.catch(() => undefined);
    expect(it.hub.connections.size).toBe(0);
  });

  test("that requests channels joins those that the application allows, and is told the others", async () => {
    const application = await start();
    const connecting = it.connect({ userId: "u1", channels: [nameOf("a"), nameOf("b")] });
    expect(application.questions).toEqual(["connect u1", "u1 in a", "u1 in b"]);
    application.allow("u1 in a");
    application.refuse("u1 in b");
    const { connection, session } = await connecting;
    expect(session.memberships.names()).toContain(nameOf("a"));
    expect(connection.accepted.at(-1)).toMatchObject({ type: "error", channel: "b", code: "forbidden" });
  });
});

describe("a subscription that the application must allow", () => {
  test("is made once it does, and the answer comes before the next message", async () => {
    const application = await start();
    const { conversation, connection } = await it.connect({ userId: "u1" });
    conversation.receive('{"type":"subscribe","channel":"room"}');
    await it.publish("room", "before");
    await it.settle();
    expect(connection.accepted).toHaveLength(1);
    application.allow("u1 in room");
    await it.settle();
    await it.publish("room", "after");
    await it.settle();
    expect(connection.accepted.slice(1)).toMatchObject([{ type: "subscribed" }, { type: "message", message: "after" }]);
  });

  test("is refused with its reason", async () => {
    const application = await start();
    const { conversation, connection, session } = await it.connect({ userId: "u1" });
    conversation.receive('{"type":"subscribe","channel":"room","ref":1}');
    application.refuse("u1 in room");
    await it.settle();
    expect(connection.accepted.at(-1)).toMatchObject({ type: "error", code: "forbidden", message: "not you", ref: 1 });
    expect(session.memberships.get(nameOf("room"))).toBeUndefined();
  });

  test("does nothing if the client has left meanwhile", async () => {
    const application = await start();
    const client = await it.connect({ userId: "u1" });
    client.conversation.receive('{"type":"subscribe","channel":"room"}');
    it.leave(client);
    application.allow("u1 in room");
    await it.settle();
    expect(client.session.memberships.get(nameOf("room"))).toBeUndefined();
    it.clock.move(60_000); // the channel lingers
    await it.settle();
    expect(it.hub.delivery.interest.get(nameOf("room"))).toBeUndefined();
  });

  test("is asked for again if the client subscribes twice, and tells where it is", async () => {
    const application = await start();
    const { conversation, connection } = await it.connect({ userId: "u1" });
    for (let time = 0; time < 2; time++) {
      conversation.receive('{"type":"subscribe","channel":"room"}');
      application.allow("u1 in room");
      await it.settle();
    }
    expect(connection.accepted.slice(1)).toMatchObject([
      { type: "subscribed" },
      { type: "subscribed", channel: "room" },
    ]);
  });

  test.each(["history", "presence"])("is needed for the channel's %s as well", async (type) => {
    const application = await start();
    const { conversation, connection } = await it.connect({ userId: "u1" });
    conversation.receive(JSON.stringify({ type, channel: "room", since: "earliest" }));
    application.refuse("u1 in room");
    await it.settle();
    expect(connection.accepted.at(-1)).toMatchObject({ type: "error", code: "forbidden" });
    conversation.receive(JSON.stringify({ type, channel: "room", since: "earliest" }));
    application.allow("u1 in room");
    await it.settle();
    expect(connection.accepted.at(-1)).toMatchObject({ type, channel: "room" });
  });

  test("is not needed for `all`, the user's own channel, and publishing", async () => {
    const application = await start();
    const { conversation, connection } = await it.connect({ userId: "u1" });
    conversation.receive('{"type":"publish","channel":"room","data":1}');
    conversation.receive('{"type":"history","channel":"@u1","since":"earliest"}');
    await it.settle();
    expect(connection.accepted.slice(1)).toMatchObject([{ type: "ack" }, { type: "history" }]);
    expect(application.questions).toEqual(["connect u1"]);
  });
});

describe("a client that has joined as many channels as its rate allows", () => {
  test.each([
    ["subscribes", '{"type":"subscribe","channel":"room"}'],
    ["sends a new token", '{"type":"auth","token":"t"}'],
  ])("and %s is refused, and the application is not asked", async (_, frame) => {
    const application = new SlowApplication();
    const verifier = { verify: async () => ({ userId: "u1", grants: noGrants, expiresAtMs: undefined }) };
    const access = { subscribe: "hook", publish: "anyone", presence: "on" } as const;
    it = await TestHub.start({ application, access, verifier, settings: { messageRate: 1 } });
    const names = Array.from({ length: 20 }, (_, at) => nameOf(`c${at}`));
    const connecting = it.connect({ userId: "u1", channels: names });
    for (const name of names) application.allow(`u1 in ${name}`);
    const { conversation, connection } = await connecting;
    const asked = application.questions.length;
    conversation.receive(frame);
    await it.settle();
    expect(connection.accepted.at(-1)).toMatchObject({ type: "error", code: "rate-limited" });
    expect(application.questions).toHaveLength(asked);
    it.clock.move(22_000); // one second for each channel, its own and everyone's too
    conversation.receive(frame);
    await it.settle();
    expect(application.questions.length).toBeGreaterThan(asked);
  });
});

describe("a new token", () => {
  const verifier = {
    verify: async () => ({ userId: "u1", grants: noGrants, expiresAtMs: undefined }),
  };

  test.each([
    ["forbidden", undefined],
    ["hook-unavailable", "room"],
  ] as const)("asks again about each channel; after %s the session is in %p", async (code, channel) => {
    const application = new SlowApplication();
    const access = { subscribe: "hook", publish: "anyone", presence: "on" } as const;
    it = await TestHub.start({ application, access, verifier });
    const { conversation, connection, session } = await it.connect({ userId: "u1" });
    conversation.receive('{"type":"subscribe","channel":"room"}');
    application.allow("u1 in room");
    await it.settle();
    conversation.receive('{"type":"auth","token":"a.b.c"}');
    await it.settle();
    application.refuse("u1 in room", code);
    await it.settle();
    expect(session.memberships.names().find((name) => name === "room")).toBe(channel as never);
    expect(connection.accepted.at(-1)).toMatchObject({ type: "authenticated" });
  });
});
