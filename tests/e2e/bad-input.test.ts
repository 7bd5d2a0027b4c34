import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Shared } from "../shared.ts";
import { turn, until } from "../waiting.ts";
import { RawSocket } from "./raw-socket.ts";
import { frame, handshake, opcode, RawWebSocket } from "./raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";
import { StreamUnderTest } from "./stream.ts";

const maxMessageBytes = 64 * 1024;
/** A frame may be much larger, since JSON escapes take up to six times the bytes. */
const maxFrameBytes = 1024 ** 2;

let server: ServerUnderTest;
let bystanders: readonly (SocketUnderTest | StreamUnderTest)[];
let markers = 0;

const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer({ env: { NOTICES: "off" } }));
  const socket = await SocketUnderTest.open(`${server.wsUrl}?user_id=bystander&channel=calm`);
  bystanders = [socket, await StreamUnderTest.open(`${server.url}/sse?user_id=bystander&channel=calm`)];
});

// After each abuse the bystanders still work, and have received only their own messages and those for everyone.
afterEach(async () => {
  markers++;
  await publishMarker({ channel: "calm", data: markers, id: `marker-${markers}` });
  for (const client of bystanders) {
    await client.until(({ data }) => data === markers);
    const [welcome, ...frames] = client.frames.filter(({ channel }) => channel !== "all");
    expect([welcome?.event, frames.length]).toEqual(["welcome", markers]);
    expect(frames.map(({ data }) => data)).toEqual(Array.from({ length: markers }, (_, at) => at + 1));
  }
});

afterAll(() => shared.close());

/** The server closes idle connections, and a request may cross such a close. In that case it is repeated. */
async function publishMarker(marker: object): Promise<void> {
  const publish = () => server.request("POST", "/v1/publish", marker);
  expect((await publish().catch(publish)).status).toBe(200);
}

const connect = (query = "") => SocketUnderTest.open(`${server.wsUrl}?channel=abuse${query}`);
const push = (body: unknown) => server.request("POST", "/sse/push", body);
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

/** Returns the error that answers one frame. The connection stays open. */
async function errorFor(text: string): Promise<Frame> {
  using socket = await connect();
  socket.send(text);
  const error = await socket.until((it) => it.type === "error");
  socket.send({ type: "ping" });
  await socket.until((it) => it.type === "pong");
  return error;
}

describe("a frame", () => {
  const publish = (fields: object) => JSON.stringify({ type: "publish", channel: "abuse", data: 1, ...fields });

  test.each([
    ["no JSON", "{nonsense", "bad-json"],
    ["half an object", '{"type":"ping"', "bad-json"],
    ["an unknown type", '{"type":"__proto__"}', "unknown-type"],
    ["a type that is not a string", '{"type":{"type":"ping"}}', "invalid-field"],
    ["a message that is not a string", '{"type":"message","message":{}}', "invalid-field"],
    ["an empty message", '{"type":"message","message":""}', "invalid-field"],
    ["a boolean field that is not a boolean", publish({ echo: 1 }), "invalid-field"],
    ["a channel with a space", publish({ channel: "a b" }), "invalid-field"],
    ["a channel with a control character", publish({ channel: "a\u0000" }), "invalid-field"],
    ["a channel of 201 characters", publish({ channel: "c".repeat(201) }), "invalid-field"],
    ["an ID of 129 characters", publish({ id: "i".repeat(129) }), "invalid-field"],
    ["a sender with a line break", publish({ sender: "a\nb" }), "invalid-field"],
    ["an event of 101 characters", publish({ event: "e".repeat(101) }), "invalid-field"],
    ["a ref of 129 characters", `{"type":"ping","ref":"${"r".repeat(129)}"}`, "invalid-field"],
    ["a ref that is far too long", '{"type":"ping","ref":1e999}', "invalid-field"],
    ["JSON nested 10,000 deep", `{"type":"publish","channel":"abuse","data":${nested(10_000)}}`, "bad-json"],
    ["JSON one level too deep", `{"type":"publish","channel":"abuse","data":${nested(129)}}`, "bad-json"],
  ])("with %s is answered with an error, and the connection stays open", async (_, text, code) => {
    expect((await errorFor(text)).code).toBe(code);
  });

  test("can be exactly as large as the limits allow", async () => {
    using socket = await connect(`&channel=${"c".repeat(200)}`);
    const accepted = [
      publish({ channel: "c".repeat(200), id: "i".repeat(128), event: "e".repeat(100), sender: "s".repeat(128) }),
      `{"type":"publish","channel":"abuse","data":${nested(128)}}`,
      publish({ data: "x".repeat(maxMessageBytes - 2) }),
      publish({ data: undefined, message: "ü".repeat(maxMessageBytes / 2) }),
    ];
    for (const text of accepted) socket.send(text);
    await socket.untilMessages(4);
    expect(socket.frames.filter(({ type }) => type === "ack")).toHaveLength(4);
    expect((await errorFor(publish({ data: "x".repeat(maxMessageBytes - 1) }))).code).toBe("too-large");
    expect((await errorFor("x".repeat(maxMessageBytes + 1))).code).toBe("too-large");
    expect((await errorFor(publish({ data: "x".repeat(maxFrameBytes - 100), ref: 7 }))).code).toBe("too-large");
    socket.send(`{"type":"shout","ref":1,"fill":"${"x".repeat(maxFrameBytes - 34)}"}`);
    expect(await socket.until(({ ref }) => ref === 1)).toMatchObject({ code: "unknown-type" });
    socket.send("x".repeat(maxFrameBytes + 1));
    expect((await socket.untilClosed()).code).toBe(1009);
  });

  test.each([
    ["binary", frame(opcode.binary, Buffer.from([1])), 1003],
    ["half a character", frame(opcode.text, Buffer.from([0x41, 0xc3])), 1007],
    ["half a surrogate pair", frame(opcode.text, Buffer.from([0xed, 0xa0, 0x80])), 1007],
    ["unmasked", Buffer.from([0x81, 0x01, 0x41]), 1002],
    ["with an opcode that does not exist", frame(3, Buffer.from("a")), 1002],
    ["with a reserved bit", Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), 1002],
    ["that continues no message", frame(opcode.continuation, Buffer.from("a")), 1002],
    ["that claims to have 2^62 bytes", Buffer.from([0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 1009],
    ["with a ping of 126 bytes", frame(opcode.ping, Buffer.alloc(126)), 1002],
    ["with a close of one byte", frame(opcode.close, Buffer.alloc(1)), 1002],
  ])("that is %s closes its own connection", async (_, bytes, code) => {
    using raw = await RawWebSocket.open(server.port, "/ws?channel=abuse");
    raw.socket.write(bytes);
    expect(await raw.untilClosed()).toBe(code);
    await raw.socket.untilEnded();
  });

  test("in fragments, with a ping in between, is one frame", async () => {
    using raw = await RawWebSocket.open(server.port, "/ws?channel=abuse");
    const euro = Buffer.from("€");
    const head = Buffer.from('{"type":"publish","channel":"abuse","message":"');
    raw.socket.write(frame(opcode.text, Buffer.concat([head, euro.subarray(0, 1)]), { isLast: false }));
    raw.socket.write(frame(opcode.ping, Buffer.from("p")));
    raw.socket.write(frame(opcode.continuation, Buffer.concat([euro.subarray(1), Buffer.from('"}')])));
    await raw.untilText(/"message":"€"/);
  });
});

describe("many frames", () => {
  test.each([
    ["pings", '{"type":"ping"}'],
    ["chat", "spam"],
    ["nonsense", "{"],
    ["subscriptions", '{"type":"subscribe","channel":"c-#"}'],
  ])(
    "10,000 %s in one burst are refused after a while, and then the connection is closed with 4029",
    async (_, text) => {
      using raw = await RawWebSocket.open(server.port, "/ws?channel=abuse");
      const frames = Array.from({ length: 10_000 }, (_, at) =>
        frame(opcode.text, Buffer.from(text.replace("#", String(at)))),
      );
      raw.socket.write(Buffer.concat(frames));
      expect(await raw.untilClosed()).toBe(4029);
      const refused = raw.texts.filter((it) => it.includes('"rate-limited"'));
      expect(refused.length).toBeWithin(1, 300);
      expect(raw.texts.length).toBeLessThan(600);
    },
  );
});

describe("HTTP", () => {
  test.each([
    ["bytes that are not HTTP", "\u0000\u0001\u0002\r\n\r\n", /^HTTP\/1\.1 400/],
    ["no Host", "GET /livez HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400/],
    ["a header without a colon", "GET /livez HTTP/1.1\r\nHost: localhost\r\nJunk\r\n\r\n", /^HTTP\/1\.1 400/],
    [
      "two Content-Length headers",
      "POST /sse/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
      /^HTTP\/1\.1 400/,
    ],
    [
      "both a length and chunks",
      "POST /sse/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      /^HTTP\/1\.1 400/,
    ],
    [
      "a negative length",
      "POST /sse/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
      /^HTTP\/1\.1 400/,
    ],
    [
      "invalid chunks",
      "POST /sse/push HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      /^HTTP\/1\.1 400/,
    ],
    [
      "a header of 100 KB",
      `GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(100_000)}\r\n\r\n`,
      /^HTTP\/1\.1 431/,
    ],
    ["1000 headers", `GET /livez HTTP/1.1\r\nHost: localhost\r\n${"X: y\r\n".repeat(1000)}\r\n`, /^HTTP\/1\.1 431/],
    [
      "a handshake without a key",
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      /^HTTP\/1\.1 4\d\d/,
    ],
    [
      "an upgrade to another protocol",
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
      /^HTTP\/1\.1 426/,
    ],
    ["a path with ..", "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", /^HTTP\/1\.1 404/],
    [
      "a path that is not UTF-8",
      "GET /v1/channels/%ff%c0/history HTTP/1.1\r\nHost: localhost\r\n\r\n",
      /^HTTP\/1\.1 4\d\d/,
    ],
  ])("with %s is refused", async (_, text, answer) => {
    using raw = await RawSocket.connect(server.port);
    raw.write(text);
    await raw.untilReceived(answer);
  });

  test("a truncated body is the client's error", async () => {
    for (let at = 0; at < 5; at++) {
      using raw = await RawSocket.connect(server.port);
      raw.write('POST /sse/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"user_id":');
      await server.request("GET", "/livez");
    }
    expect(server.output).not.toMatch(/ERROR/);
  });

  test.each([
    ["JSON nested 10,000 deep", `{"user_id":"u","data":${nested(10_000)}}`, 400],
    ["JSON nested one level too deep", `{"user_id":"u","data":${nested(129)}}`, 400],
    ["an array nested 100,000 deep", nested(100_000), 400],
    ["a user ID of 129 characters", { user_id: "u".repeat(129), data: 1 }, 422],
    ["a user ID with a line break", { user_id: "a\r\nSet-Cookie: x", data: 1 }, 422],
    ["half a surrogate pair as user ID", '{"user_id":"\\ud800","data":1}', 422],
    ["a prototype instead of fields", '{"__proto__":{"user_id":"u","data":1}}', 422],
    ["a user who is not connected", { user_id: "nobody", data: 1 }, 200],
    ["a user ID of 128 characters", { user_id: "u".repeat(128), data: 1 }, 200],
  ])("a push with %s is answered with its status", async (_, body, status) => {
    expect((await push(body)).status).toBe(status);
  });

  test("a batch with invalid items is answered per item, and one of 1001 is refused as a whole", async () => {
    const bad = [null, 1, "x", [], {}, { user_id: 1 }, { user_id: "u" }, { user_id: "a\nb", data: 1 }];
    const batch = (items: unknown) => server.request("POST", "/sse/push/batch", items);
    const { results } = (await (await batch(bad)).json()) as { results: Frame[] };
    expect(results.map(({ success }) => success)).toEqual(bad.map(() => false));
    expect((await batch(Array.from({ length: 1001 }, () => ({ user_id: "bystander", data: 1 })))).status).toBe(422);
    expect((await batch(nested(10_000))).status).toBe(400);
  });

  test("the same event_id, sent 50 times at once, is delivered once", async () => {
    using socket = await connect("&user_id=once");
    const twin = { user_id: "once", event_id: "same", data: "first" };
    const answers = await Promise.all(Array.from({ length: 50 }, () => push(twin)));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    await push({ user_id: "once", data: "last" });
    expect((await socket.untilMessages(2)).map(({ data, offset }) => [data, offset])).toEqual([
      ["first", 1],
      ["last", 2],
    ]);
  });
});

describe("a handshake", () => {
  const cursor = (bytes: number) => {
    const many = "abuse~e~1,".repeat(400);
    const epoch = (bytes - many.length) % 60;
    const last = `~${"e".repeat(epoch + 1)}~1`;
    return `${many.slice(0, Math.floor(many.length / 10) * 10)}${"c".repeat(bytes - many.length - last.length)}${last}`;
  };

  test.each([
    ["a user ID of 129 characters", `user_id=${"u".repeat(129)}`],
    ["a user ID with a line break", "user_id=a%0d%0ab"],
    ["a user ID with a NUL character", "user_id=%00"],
    ["a channel of 201 characters", `channel=${"c".repeat(201)}`],
    ["a reserved channel", "channel=%23members"],
    ["a cursor of 4097 bytes", `since=${cursor(4097)}`],
    ["an invalid cursor", "since=%ff~~~"],
    ["a resume key of 65 characters", `takes_over=${"k".repeat(65)}`],
    ["101 channels", Array.from({ length: 101 }, (_, at) => `channel=c${at}`).join("&")],
  ])("with %s is refused", async (_, query) => {
    for (const path of [`/ws?${query}`, `/?${query}`]) {
      using raw = await RawSocket.connect(server.port);
      raw.write(handshake(server.port, path));
      await raw.untilReceived(/^HTTP\/1\.1 4(00|03|22|29)[\s\S]*"detail":/);
    }
    expect((await server.request("GET", `/sse?${query}`)).status).toBeOneOf([400, 403, 429]);
  });

  test("accepts values exactly at the limits", async () => {
    expect([cursor(4096).length, cursor(4097).length]).toEqual([4096, 4097]);
    using socket = await connect(`&user_id=${"u".repeat(128)}&since=${cursor(4096)}&unknown=1`);
    expect(String(socket.welcome.user_id)).toHaveLength(128);
    using stream = await StreamUnderTest.open(`${server.url}/sse`, { "Last-Event-ID": cursor(4096) });
    expect(stream.welcome.protocol).toBe(1);
    using tooLong = await StreamUnderTest.open(`${server.url}/sse`, { "Last-Event-ID": cursor(4097) });
    expect(tooLong.welcome.channels).toMatchObject({ all: { recovered: false } });
  });

  test("and a body that never end are cut off, and block no other client in the meantime", async () => {
    const starts = [
      handshake(server.port, "/ws").slice(0, -4),
      'POST /sse/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{"user_id":"',
      "",
    ];
    const sockets = await Promise.all(Array.from({ length: 60 }, () => RawSocket.connect(server.port)));
    for (const [at, socket] of sockets.entries()) socket.write(starts[at % starts.length] ?? "");
    const drip = setInterval(() => {
      for (const [at, socket] of sockets.entries()) if (at % 3 < 2 && at % 2 === 0) socket.write("x");
    }, 1000);
    expect((await push({ user_id: "u", data: 1 })).status).toBe(200);
    using _newcomer = await connect();
    await Promise.all(sockets.map((it) => it.untilEnded(25_000)));
    clearInterval(drip);
    expect(server.output).not.toMatch(/ERROR/);
  });
});

describe("a body that nobody reads does not keep the connection open", () => {
  const lengths = ["Content-Length: 1000000", "Transfer-Encoding: chunked"];

  test.each([
    ["POST /v1/publish", 401],
    ["GET /livez", 200],
    ["POST /nothing", 404],
    ["PUT /v1/publish", 405],
    ["POST /ws", 401],
  ])("%s, answered with %d", async (request, status) => {
    await using secured = await startServer({
      env: { API_KEY: "5f2c81d09be7463aa1", JWT_SECRET: "a secret of thirty-two bytes or more" },
    });
    for (const length of lengths) {
      using raw = await RawSocket.connect(secured.port);
      const upgrade = request.endsWith("/ws") ? "Upgrade: websocket\r\n" : "";
      raw.write(`${request} HTTP/1.1\r\nHost: localhost:${secured.port}\r\n${upgrade}${length}\r\n\r\n`);
      await raw.untilReceived(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*Connection: close`, "i"));
      await raw.untilEnded(5000);
    }
  });
});

describe("unusual but valid HTTP", () => {
  const post = (body: string, headers = "") =>
    `POST /sse/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

  test("pipelined requests are answered in order", async () => {
    using raw = await RawSocket.connect(server.port);
    raw.write(`${post('{"user_id":"u","data":1}')}${post("{")}GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await raw.untilReceived(/"alive"/);
    expect(raw.received.match(/(?<=HTTP\/1\.1 )\d+/g)).toEqual(["200", "400", "200"]);
  });

  test("a client that sends Expect: 100-continue gets it", async () => {
    using raw = await RawSocket.connect(server.port);
    const body = '{"user_id":"u","data":1}';
    raw.write(post(body, "Expect: 100-continue\r\n").slice(0, -body.length));
    await raw.untilReceived(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    raw.write(body);
    await raw.untilReceived(/HTTP\/1\.1 200 OK/);
  });
});

describe("clients that disconnect during the handshake", () => {
  test.each([
    ["handshakes", handshake(0, "/ws?user_id=hasty&channel=abuse")],
    ["streams", "GET /sse?user_id=hasty&channel=abuse HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ])("leave no connection and no reservation behind: 200 %s", async (_, request) => {
    await using small = await startServer({
      env: { NOTICES: "off", MAX_CONNECTIONS: "10", MAX_CONNECTIONS_PER_USER: "5" },
    });
    for (let at = 0; at < 200; at++) {
      using raw = await RawSocket.connect(small.port);
      raw.write(request);
      // Some leave before the server sees them, some during admission, and some after their answer.
      if (at % 3 === 1) await turn();
      if (at % 3 === 2) await raw.untilReceived(/^HTTP\/1\.1 /);
    }
    const count = async () => (await (await small.request("GET", "/health")).json()) as Frame;
    await until(async () => Number((await count()).connections) === 0, "nobody is connected");
    const sockets = await Promise.all([1, 2, 3, 4, 5].map(() => SocketUnderTest.open(`${small.wsUrl}?user_id=hasty`)));
    for (const socket of sockets) socket[Symbol.dispose]();
    expect(small.output).not.toMatch(/ERROR/);
  });
});

describe("afterwards", () => {
  const metrics = async () => (await (await server.request("GET", "/metrics")).json()) as Record<string, number>;

  async function abuse(): Promise<void> {
    const rounds = Array.from({ length: 40 }, async () => {
      const raw = await RawWebSocket.open(server.port, "/ws?channel=abuse");
      raw.socket.write(Buffer.concat(Array.from({ length: 500 }, () => frame(opcode.text, Buffer.from("{")))));
      await raw.untilClosed();
      raw[Symbol.dispose]();
      await push("x".repeat(1_000_000));
      await push(`{"user_id":"u","data":${nested(10_000)}}`);
    });
    await Promise.all(rounds);
  }

  test("memory and connections are released", async () => {
    await abuse(); // Memory that the runtime takes once and keeps.
    const before = await metrics();
    for (let round = 0; round < 4; round++) await abuse();
    const after = await metrics();
    expect(after.active_connections).toBe(bystanders.length);
    // Four rounds send 160 MB of bodies. Growth by less than one round is not a leak but garbage that is not collected yet.
    expect(Number(after.memory_bytes) - Number(before.memory_bytes)).toBeLessThan(128 * 1024 ** 2);
  });

  test("the log says once per closed connection why, and ten times a second why a frame is refused", async () => {
    using raw = await RawWebSocket.open(server.port, "/ws?channel=abuse");
    const port = /127\.0\.0\.1:\d+/.exec(server.output.slice(server.output.lastIndexOf("Client connected")))?.[0];
    const [before, startedAt] = [server.output.length, performance.now()];
    raw.socket.write(Buffer.concat(Array.from({ length: 10_000 }, () => frame(opcode.text, Buffer.from("{")))));
    await raw.untilClosed();
    await server.untilLogged(new RegExp(`Client disconnected: ${port}`));
    const lines = server.output.slice(before).trim().split("\n");
    const own = lines.filter((it) => it.includes(`${port}`));
    expect(own.filter((it) => it.includes("too many messages"))).toHaveLength(1);
    const seconds = Math.ceil((performance.now() - startedAt) / 1000) + 1;
    expect(own.length).toBeLessThanOrEqual(2 + 10 * seconds);
    // Clients of the test before may still be disconnecting, and some of their requests be refused.
    expect(lines.length).toBeLessThan(1000);
    expect(server.output).not.toMatch(/ \| ERROR \| /);
  });
});
