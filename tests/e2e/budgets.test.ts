import { describe, expect, test } from "bun:test";
import { RawSocket } from "./raw-socket.ts";
import type { Frame, SocketUnderTest } from "./socket.ts";
import { apiKey, StillServer } from "./still-server.ts";

let lastRef = 0;

/** Sends a command and returns its answer. */
async function ask(socket: SocketUnderTest, frame: Frame): Promise<Frame> {
  const ref = ++lastRef;
  socket.send({ ...frame, ref });
  return socket.until((it) => it.ref === ref);
}

async function statuses(count: number, send: () => Promise<Response>): Promise<readonly number[]> {
  const found: number[] = [];
  for (let at = 0; at < count; at++) found.push((await send()).status);
  return found;
}

const publication = { type: "publish", channel: "room", message: "m" };
const body = { channel: "room", message: "m" };
const publishBy = (server: StillServer, user: string | undefined) => () =>
  server.request(user, "POST", "/v1/publish", body);

describe("messages per second", () => {
  test("are one budget for a user's connections and requests together, exact at each of them", async () => {
    await using server = await StillServer.start({ messageRate: 5 });
    using first = await server.connect("alice");
    using second = await server.connect("alice");
    for (let at = 0; at < 4; at++) expect(await ask(first, publication)).toMatchObject({ type: "ack" });
    for (let at = 0; at < 3; at++) expect(await ask(second, publication)).toMatchObject({ type: "ack" });
    expect(await statuses(3, publishBy(server, "alice"))).toEqual([200, 200, 200]);
    const refused = { code: "rate-limited", retry_after_ms: 200 };
    expect(await ask(first, publication)).toMatchObject({ type: "error", ...refused });
    expect(await ask(second, publication)).toMatchObject({ type: "error", ...refused });
    const answer = await publishBy(server, "alice")();
    expect([answer.status, await answer.json()]).toMatchObject([429, refused]);
    server.move(200);
    expect(await statuses(2, publishBy(server, "alice"))).toEqual([200, 429]);
  });

  test("of one user leave other users and API keys alone", async () => {
    await using server = await StillServer.start({ messageRate: 1 });
    expect(await statuses(3, publishBy(server, "alice"))).toEqual([200, 200, 429]);
    expect(await statuses(2, publishBy(server, "bob"))).toEqual([200, 200]);
    expect(await statuses(10, publishBy(server, undefined))).toEqual(Array(10).fill(200));
  });

  test("of an API key have a limit with USERS_PER_KEY, where each item of a batch counts", async () => {
    await using server = await StillServer.start({ messageRate: 1, usersPerKey: 2 });
    expect(await statuses(5, publishBy(server, undefined))).toEqual([200, 200, 200, 200, 429]);
    server.move(60_000);
    const batch = Array.from({ length: 4 }, (_, at) => ({ user_id: `u${at}`, data: 1 }));
    const push = () =>
      fetch(`${server.url}/sse/push/batch`, {
        method: "POST",
        headers: { "X-API-Key": apiKey },
        body: JSON.stringify(batch),
      });
    expect(await statuses(2, push)).toEqual([200, 429]);
  });

  test("count each target of a request, also more than the burst, and the user waits accordingly", async () => {
    await using server = await StillServer.start({ messageRate: 5 });
    const channels = Array.from({ length: 100 }, (_, at) => `room:${at}`);
    const toAll = () => server.request("alice", "POST", "/v1/publish", { channels, message: "m" });
    expect((await toAll()).status).toBe(200);
    server.move(18_000); // 90 messages of debt at 5 per second
    expect(await statuses(1, publishBy(server, "alice"))).toEqual([429]);
    server.move(200);
    expect(await statuses(2, publishBy(server, "alice"))).toEqual([200, 429]);
  });

  test.each([
    ["channels", ["a", "b", "a"], 'expected each target only once, got "a"'],
    ["user_ids", ["u", "u"], 'expected each target only once, got "@u"'],
  ])("cannot be multiplied by naming a target twice in %s", async (field, targets, rule) => {
    await using server = await StillServer.start();
    const answer = await server.request(undefined, "POST", "/v1/publish", { [field]: targets, message: "m" });
    const detail = `${field}: ${rule}`;
    expect([answer.status, await answer.json()]).toMatchObject([422, { code: "invalid-field", field, detail }]);
  });

  test("of connections without a user are limited per connection, and per address together", async () => {
    await using server = await StillServer.start({
      messageRate: 2,
      usersPerAddress: 2,
      anonymous: true,
      channels: [{ match: "*", publish: "anyone" }],
    });
    const connect = () => server.connectAnonymously();
    using first = await connect();
    using second = await connect();
    using third = await connect();
    const outcomes: unknown[] = [];
    for (const socket of [first, first, first, first, first, second, second, second, second, third]) {
      const { type, message } = await ask(socket, publication);
      outcomes.push(type === "error" ? message : type);
    }
    expect(outcomes).toEqual([
      ...["ack", "ack", "ack", "ack", "at most 2 messages per second from one connection"],
      ...["ack", "ack", "ack", "ack", "at most 4 messages per second from one address"],
    ]);
  });
});

describe("channels joined per second", () => {
  test("are counted at the handshake and by each subscribe, exactly", async () => {
    await using server = await StillServer.start({ messageRate: 1, maxRequests: 0 });
    const channels = (from: number, count: number) =>
      `&channels=${Array.from({ length: count }, (_, at) => `c${from + at}`).join(",")}`;
    using first = await server.connect("alice", channels(0, 10));
    using _second = await server.connect("alice", channels(10, 9));
    expect(await ask(first, { type: "subscribe", channel: "x" })).toMatchObject({ type: "subscribed" });
    expect(await ask(first, { type: "subscribe", channel: "y" })).toMatchObject({
      code: "rate-limited",
      message: "at most 1 connections opened or channels joined per second by one user",
    });
    const refused = await fetch(`${server.url}/ws?channel=z&token=${await server.tokenOf("alice")}`, {
      headers: { Upgrade: "websocket", Connection: "Upgrade" },
    });
    expect(refused.status).toBe(429);
    const stream = await fetch(`${server.url}/sse?channel=z&token=${await server.tokenOf("alice")}`);
    expect([stream.status, await stream.text()]).toEqual([200, expect.stringContaining('"code":4029')]);
  });
});

describe("connections opened per second", () => {
  test("are limited for a user, from whatever addresses, and those of others are not", async () => {
    await using server = await StillServer.start({ messageRate: 1 });
    const open = async (user: string) => {
      const stream = await fetch(`${server.url}/sse?token=${await server.tokenOf(user)}`);
      const reader = stream.body?.getReader();
      const first = new TextDecoder().decode((await reader?.read())?.value);
      await reader?.cancel();
      return first.includes('"code":4029') ? "refused" : "open";
    };
    const outcomes: string[] = [];
    for (let at = 0; at < 22; at++) outcomes.push(await open("mallory"));
    expect(outcomes).toEqual([...Array(20).fill("open"), "refused", "refused"]);
    expect(await open("alice")).toBe("open");
    server.move(1000);
    expect(await open("mallory")).toBe("open");
  });
});

describe("bytes of history", () => {
  test("are one budget for a user's connections and requests together", async () => {
    // A burst of 8 KiB: two answers of 5 KB leave a debt, so the third is refused.
    await using server = await StillServer.start({ historyRate: "1KiB" });
    await server.request(undefined, "POST", "/v1/publish", { channel: "room", message: "x".repeat(5000) });
    using socket = await server.connect("alice");
    const history = { type: "history", channel: "room", since: "earliest" };
    const overHttp = (user: string | undefined) =>
      server.request(user, "GET", "/v1/channels/room/history?since=earliest");
    expect(await ask(socket, history)).toMatchObject({ type: "history", messages: [{ offset: 1 }] });
    expect((await overHttp("alice")).status).toBe(200);
    expect(await ask(socket, history)).toMatchObject({ code: "rate-limited", retry_after_ms: expect.any(Number) });
    expect((await overHttp("alice")).status).toBe(429);
    expect([(await overHttp("bob")).status, (await overHttp(undefined)).status]).toEqual([200, 200]);
    server.move(3000);
    expect((await overHttp("alice")).status).toBe(200);
  });
});

describe("catching up", () => {
  /** Two messages of 5 KB, and a burst of 8 KiB: after two reads of one message, a client has a debt. */
  async function begin() {
    const server = await StillServer.start({ historyRate: "1KiB" });
    for (const message of ["first", "second"].map((it) => it.padEnd(5000, "x")))
      await server.request(undefined, "POST", "/v1/publish", { channel: "room", message });
    return server;
  }

  type Reader = Disposable & Pick<SocketUnderTest, "until" | "messages">;
  /** How a client asks for what it missed: the second message. */
  const transports: Readonly<Record<string, (server: StillServer, user: string) => Promise<Reader>>> = {
    "a subscribe with since": async (server, user) => {
      const socket = await server.connect(user);
      socket.send({ type: "subscribe", channel: "room", since: "last:1" });
      return socket;
    },
    "a handshake with since": (server, user) => server.connect(user, "&channel=room&since=last:1"),
    "a stream with since": (server, user) => server.stream(user, "&channel=room&since=last:1"),
    "a stream with Last-Event-ID": async (server, user) =>
      server.stream(user, "&channel=room", { "Last-Event-ID": `room~${await server.epochOf("room")}~1` }),
  };
  const overHttp = (server: StillServer, user: string) =>
    server.request(user, "GET", "/v1/channels/room/history?since=last:1");
  const isInRoom = ({ type, channel }: Frame) => type === "message" && channel === "room";

  test.each(Object.entries(transports))("over %s is charged like a history request", async (_, open) => {
    await using server = await begin();
    for (let at = 0; at < 2; at++) {
      using reader = await open(server, "alice");
      await reader.until(isInRoom);
    }
    const refused = await overHttp(server, "alice");
    const { retry_after_ms: waitMs } = (await refused.json()) as { retry_after_ms: number };
    expect([refused.status, (await overHttp(server, "bob")).status]).toEqual([429, 200]);
    server.move(waitMs - 1);
    expect((await overHttp(server, "alice")).status).toBe(429);
    server.move(1);
    expect((await overHttp(server, "alice")).status).toBe(200);
  });

  test.each(Object.entries(transports))(
    "over %s waits when the budget is used up, is not lost, and delays nothing else",
    async (_, open) => {
      await using server = await begin();
      for (let at = 0; at < 2; at++) expect((await overHttp(server, "alice")).status).toBe(200);
      using reader = await open(server, "alice");
      using other = await open(server, "bob");
      await other.until(isInRoom);
      await server.request(undefined, "POST", "/v1/publish", { user_id: "alice", message: "live" });
      await reader.until(({ message }) => message === "live");
      expect(reader.messages.filter(isInRoom)).toEqual([]);
      await server.request(undefined, "POST", "/v1/publish", { channel: "room", message: "third" });
      server.move(60_000);
      await reader.until(({ message }) => message === "third");
      expect(reader.messages.filter(isInRoom).map(({ offset }) => offset)).toEqual([2, 3]);
    },
  );
});

describe("presence requests", () => {
  test("are one budget for a user's connections and requests together", async () => {
    await using server = await StillServer.start({ presenceRate: 2 });
    using socket = await server.connect("alice");
    const overHttp = () => server.request("alice", "GET", "/v1/channels/room/presence");
    for (let at = 0; at < 2; at++)
      expect(await ask(socket, { type: "presence", channel: "room" })).toMatchObject({ count: 0 });
    expect(await statuses(3, overHttp)).toEqual([200, 200, 429]);
    expect(await ask(socket, { type: "presence", channel: "room" })).toMatchObject({ code: "rate-limited" });
    server.move(500);
    expect(await statuses(2, overHttp)).toEqual([200, 429]);
  });
});

describe("new connections per second", () => {
  test("are counted per address, for both transports and refused ones too", async () => {
    await using server = await StillServer.start({ handshakeRate: 1 });
    const upgrade = (token: string) =>
      fetch(`${server.url}/ws?token=${token}`, { headers: { Upgrade: "websocket", Connection: "Upgrade" } });
    for (let at = 0; at < 8; at++) expect((await upgrade("wrong")).status).toBe(401);
    using _ = await server.connect("alice");
    const stream = await fetch(`${server.url}/sse?token=${await server.tokenOf("alice")}`);
    expect(stream.headers.get("Connection")).not.toBe("close");
    await stream.body?.cancel();
    expect((await upgrade("wrong")).status).toBe(429);
    const late = await fetch(`${server.url}/sse?token=${await server.tokenOf("alice")}`);
    expect(await late.text()).toContain('"code":4029');
    server.move(1000);
    expect((await upgrade("wrong")).status).toBe(401);
  });
});

describe("requests of a user in progress", () => {
  /** Sends the header of a request, and half of its body. */
  async function begin(server: StillServer, user: string, length: number): Promise<RawSocket> {
    const raw = await RawSocket.connect(Number(new URL(server.url).port));
    const credential = `Authorization: Bearer ${await server.tokenOf(user)}`;
    const head = ["POST /v1/publish HTTP/1.1", "Host: localhost", credential, `Content-Length: ${length}`];
    raw.write(`${head.join("\r\n")}\r\n\r\n{"channel":"room",`);
    return raw;
  }

  test.each([
    ["by number", { maxRequests: 2 }, 100, "at most 2 requests at the same time from one user"],
    ["by the bytes of their bodies", { maxUnfinishedBytes: "200KiB" }, 100 * 1024, "200KiB of unfinished request"],
  ])("are limited %s, and free it when they end", async (_, options, length, rule) => {
    await using server = await StillServer.start(options);
    using first = await begin(server, "alice", length);
    using second = await begin(server, "alice", length);
    const refusal = async () => {
      const answer = await publishBy(server, "alice")();
      return answer.status === 200 ? "" : ((await answer.json()) as { detail: string }).detail;
    };
    let last = "";
    while (last === "") last = await refusal(); // the server may not have read both headers yet
    expect(last).toContain(rule);
    expect(await statuses(1, publishBy(server, "bob"))).toEqual([200]);
    first.write(`"message":"m"}`.padEnd(length - 18));
    await first.until(() => first.received.includes("200 OK"));
    expect(await refusal()).toBe("");
    second[Symbol.dispose]();
  });
});
