import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Shared } from "../shared.ts";
import { RawSocket } from "./raw-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";

let server: ServerUnderTest;
let names = 0;

const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer());
});

afterAll(() => shared.close());

const fresh = (kind: string) => `${kind}-${names++}`;

/** Status and body of a response that should be JSON. */
async function ask(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
  const response = await server.request(method, path, body, headers);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Frame };
}

const push = (body: unknown) => ask("POST", "/sse/push", body);
const connect = (user: string, query = "") => SocketUnderTest.open(`${server.wsUrl}?user_id=${user}${query}`);

describe("POST /sse/push", () => {
  test("maps its fields, and passes `data` on unchanged", async () => {
    const user = fresh("u");
    using socket = await connect(user);
    const text = `{"user_id":"${user}","data":{"n":12345678901234567890},"event_type":"order.new","event_id":"e-1","timestamp":1700000000.25,"unknown":true}`;
    expect(await push(text)).toMatchObject({ status: 200, body: { status: "success", message: "Event pushed" } });
    const frame = await socket.until((it) => it.type === "message");
    expect(frame).toMatchObject({ channel: `@${user}`, offset: 1, id: "e-1", event: "order.new" });
    expect(frame.sent_at).toBe("2023-11-14T22:13:20.250Z");
    expect(Math.abs(Date.parse(String(frame.timestamp)) - Date.now())).toBeLessThan(60_000);
    expect(socket.texts.at(-1)).toContain('"data":{"n":12345678901234567890}');
  });

  test("is partial for a user who is not connected, and delivers the message when the user resumes", async () => {
    const user = fresh("u");
    expect((await push({ user_id: user, data: "later" })).body).toMatchObject({ status: "partial" });
    using socket = await connect(user, "&since=earliest");
    expect(await socket.until((it) => it.type === "message")).toMatchObject({ data: "later", offset: 1 });
  });

  test("delivers the same event_id once per user", async () => {
    const [user, other] = [fresh("u"), fresh("u")];
    using socket = await connect(user);
    using second = await connect(other);
    for (const user_id of [user, user, other]) {
      expect((await push({ user_id, data: 1, event_id: "same" })).body).toMatchObject({ status: "success" });
    }
    await push({ user_id: user, data: "end" });
    expect((await socket.untilMessages(2)).map(({ data, offset }) => [data, offset])).toEqual([
      [1, 1],
      ["end", 2],
    ]);
    expect(await second.untilMessages(1)).toHaveLength(1);
  });

  test.each([
    ["user_id", { data: 1 }],
    ["user_id", { user_id: "", data: 1 }],
    ["user_id", { user_id: 7, data: 1 }],
    ["user_id", { user_id: "x".repeat(129), data: 1 }],
    ["user_id", { user_id: "a\nb", data: 1 }],
    ["data", { user_id: "u" }],
    ["event_type", { user_id: "u", data: 1, event_type: "two words" }],
    ["event_type", { user_id: "u", data: 1, event_type: "error" }],
    ["event_type", { user_id: "u", data: 1, event_type: "x".repeat(101) }],
    ["event_id", { user_id: "u", data: 1, event_id: "x".repeat(129) }],
    ["event_id", { user_id: "u", data: 1, event_id: 5 }],
    ["timestamp", { user_id: "u", data: 1, timestamp: "2026-01-01T00:00:00Z" }],
    ["timestamp", { user_id: "u", data: 1, timestamp: -1 }],
    ["timestamp", { user_id: "u", data: 1, timestamp: 1e300 }],
  ])("answers an invalid %s with 422, and names field and rule: %j", async (field, body) => {
    const answer = await push(body);
    expect(answer.status).toBe(422);
    expect(answer.headers.get("Content-Type")).toStartWith("application/problem+json");
    expect(answer.body).toMatchObject({ status: 422, code: "invalid-field", field, title: "Unprocessable Content" });
    expect(answer.body.detail).toStartWith(`${field}: expected `);
  });

  test.each(["", "{", "[]", "null", '"text"', "{'a':1}", "NaN"])(
    "answers %p, which is not a JSON object, with 400",
    async (body) => {
      expect(await push(body)).toMatchObject({ status: 400, body: { code: "bad-json" } });
    },
  );

  test("answers a body that is not UTF-8 with 400", async () => {
    const body = Buffer.from([...Buffer.from('{"user_id":"u","data":"'), 0xc3, 0x28, ...Buffer.from('"}')]);
    const response = await fetch(`${server.url}/sse/push`, { method: "POST", body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "bad-request", field: "body" });
  });

  test("answers a body over the limit with 413", async () => {
    expect(await push({ user_id: "u", data: "x".repeat(64 * 1024 - 2) })).toMatchObject({ status: 200 });
    expect(await push({ user_id: "u", data: "x".repeat(64 * 1024 - 1) })).toMatchObject({ status: 413 });
    expect(await push({ user_id: "u", data: "x".repeat(1024 ** 2) })).toMatchObject({
      status: 413,
      body: { code: "too-large", field: "body" },
    });
  });

  test.each([
    ["at its limit, with its size declared", 1024 ** 2, false, 200],
    ["at its limit, in chunks", 1024 ** 2, true, 200],
    ["one byte too long, with its size declared", 1024 ** 2 + 1, false, 413],
    ["one byte too long, in chunks", 1024 ** 2 + 1, true, 413],
    ["far too long, with its size declared", 40 * 1024 ** 2, false, 413],
    ["far too long, in chunks", 40 * 1024 ** 2, true, 413],
  ])("a body %s, is answered, and an error says why and closes the connection", async (_, bytes, isChunked, status) => {
    using socket = await RawSocket.connect(server.port);
    const length = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${bytes}`;
    socket.write(`POST /sse/push HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${length}\r\n\r\n`);
    const body = JSON.stringify({ user_id: "u", data: 1 }).padEnd(bytes, " ");
    socket.write(isChunked ? `${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body);
    const [head = ""] = await socket.untilReceived(/^HTTP[\s\S]*\}$/);
    expect(head).toStartWith(`HTTP/1.1 ${status} `);
    const wanted = status === 200 ? '"status":"' : '"detail":"body: expected at most 1048576 bytes"';
    expect(head).toContain(wanted);
    expect(/^Connection: close/im.test(head)).toBe(status === 413);
    expect((await push({ user_id: "u", data: 1 })).status).toBe(200);
  });
});

describe("POST /sse/push/batch", () => {
  const batch = (body: unknown) => ask("POST", "/sse/push/batch", body);

  test("answers one result per item, in order; an invalid item does not stop the others", async () => {
    const [here, away] = [fresh("u"), fresh("u")];
    using socket = await connect(here);
    const items = [
      { user_id: here, data: 1 },
      { user_id: away, data: 2 },
      { user_id: here },
      "no object",
      { user_id: "", data: 3 },
      { user_id: here, data: 4, event_type: "system" },
      { user_id: here, data: 5, event_id: "once" },
      { user_id: here, data: 6, event_id: "once" },
    ];
    const { status, body } = await batch(items);
    expect([status, Object.keys(body)]).toEqual([200, ["results"]]);
    const results = body.results as { user_id: unknown; success: boolean; error?: string }[];
    expect(results.map(({ user_id, success }) => [user_id, success])).toEqual([
      [here, true],
      [away, false],
      [here, false],
      [null, false],
      ["", false],
      [here, false],
      [here, true],
      [here, true],
    ]);
    expect(results.map(({ error }) => error)).toEqual([
      undefined,
      expect.stringContaining("not connected"),
      expect.stringContaining("data: expected"),
      expect.stringContaining("expected an object"),
      expect.stringContaining("user_id: expected"),
      expect.stringContaining("event_type: expected"),
      undefined,
      undefined,
    ]);
    await push({ user_id: here, data: "end" });
    expect((await socket.untilMessages(3)).map(({ data }) => data)).toEqual([1, 5, "end"]);
  });

  test("accepts 1000 items, in order, and refuses one more", async () => {
    const user = fresh("u");
    using socket = await connect(user);
    const items = Array.from({ length: 1001 }, (_, at) => ({ user_id: user, data: at }));
    expect(await batch(items)).toMatchObject({ status: 422, body: { code: "invalid-field", field: "body" } });
    const { status, body } = await batch(items.slice(0, 1000));
    expect([status, (body.results as unknown[]).length]).toEqual([200, 1000]);
    const seen = await socket.untilMessages(1000);
    expect(seen.map(({ data }) => data)).toEqual(Array.from({ length: 1000 }, (_, at) => at));
  });

  test("accepts an empty array, and only arrays", async () => {
    expect(await batch([])).toMatchObject({ status: 200, body: { results: [] } });
    expect(await batch({ user_id: "u", data: 1 })).toMatchObject({ status: 422 });
    expect(await batch("[")).toMatchObject({ status: 400 });
  });
});

describe("POST /v1/publish", () => {
  const publish = (body: unknown, headers?: Record<string, string>) => ask("POST", "/v1/publish", body, headers);

  test("returns the acknowledgement, and whether a user is connected", async () => {
    const [channel, user] = [fresh("room"), fresh("u")];
    const { status, body } = await publish({ channel, message: "m" });
    expect([status, body]).toEqual([200, { channel, id: body.id, epoch: body.epoch, offset: 1, duplicate: false }]);
    expect((await publish({ user_id: user, data: 1 })).body).toMatchObject({ channel: `@${user}`, connected: false });
    using _socket = await connect(user);
    expect((await publish({ user_id: user, data: 1 })).body).toMatchObject({ offset: 2, connected: true });
  });

  test("publishes to several channels or users, each with its own acknowledgement", async () => {
    const channels = [fresh("room"), fresh("room")];
    const several = await publish({ channels, data: 1 });
    expect(several.body.results).toMatchObject(channels.map((channel) => ({ channel, offset: 1, duplicate: false })));
    const users = await publish({ user_ids: ["a b", "ü"], data: 1 });
    expect(users.body.results).toMatchObject([{ channel: "@a b", connected: false }, { channel: "@ü" }]);
  });

  test("uses `Idempotency-Key` as the id", async () => {
    const channel = fresh("room");
    const headers = { "Idempotency-Key": "key-1" };
    expect((await publish({ channel, data: 1 }, headers)).body).toMatchObject({ id: "key-1", duplicate: false });
    expect((await publish({ channel, data: 2 }, headers)).body).toMatchObject({ offset: 1, duplicate: true });
    expect((await publish({ channel, data: 2, id: "key-1" })).body).toMatchObject({ offset: 1, duplicate: true });
    expect(await publish({ channel, data: 2, id: "other" }, headers)).toMatchObject({
      status: 422,
      body: { field: "id" },
    });
  });

  test.each([
    ["channel", { data: 1 }],
    ["channel", { channel: "a", user_id: "u", data: 1 }],
    ["channel", { channel: "a b", data: 1 }],
    ["channel", { channel: "*", data: 1 }],
    ["channel", { channel: "$schedule", data: 1 }],
    ["channels", { channels: [], data: 1 }],
    ["channels", { channels: Array.from({ length: 1001 }, (_, at) => `c${at}`), data: 1 }],
    ["channels", { channels: ["ok", "a b"], data: 1 }],
    ["user_ids", { user_ids: "u", data: 1 }],
    ["data", { channel: "a" }],
    ["message", { channel: "a", message: 7 }],
    ["sender", { channel: "a", data: 1, sender: "" }],
    ["headers", { channel: "a", data: 1, headers: { a: 1 } }],
    ["ephemeral", { channel: "a", data: 1, ephemeral: "yes" }],
    ["id", { channel: "a", data: 1, id: "x".repeat(129) }],
  ])("answers an invalid %s with 422, and names it", async (field, body) => {
    expect(await publish(body)).toMatchObject({ status: 422, body: { code: "invalid-field", field } });
  });
});

describe("/v1/channels", () => {
  test("the body of a posted message is the message: JSON becomes data, anything else text", async () => {
    const channel = fresh("room");
    const post = (body: string, type: string) =>
      ask("POST", `/v1/channels/${channel}/messages`, body, { "Content-Type": type });
    expect(await post("hi ü", "application/x-www-form-urlencoded")).toMatchObject({ status: 200, body: { offset: 1 } });
    await post('{"big":12345678901234567890}', "application/json; charset=utf-8");
    await post('["\\n"]\n', "application/vnd.some+json");
    const text = await (await server.request("GET", `/v1/channels/${channel}/history`)).text();
    expect(text).toContain('"message":"hi ü"');
    expect(text).toContain('"data":{"big":12345678901234567890}');
    expect(text).toContain('"data":["\\n"]');
    expect(await post("{", "application/json")).toMatchObject({ status: 400, body: { code: "bad-json" } });
    expect(await post("", "text/plain")).toMatchObject({ status: 422, body: { field: "body" } });
  });

  test("a name with a slash works", async () => {
    const channel = `${fresh("room")}/a/b`;
    const path = `/v1/channels/${encodeURIComponent(channel)}`;
    expect((await ask("POST", `${path}/messages`, "1")).body).toMatchObject({ channel, offset: 1 });
    expect(await ask("GET", path)).toMatchObject({ status: 200, body: { channel, offset: 1, messages: 1 } });
    expect((await ask("GET", `${path}/history`)).body).toMatchObject({ channel, messages: [{ offset: 1 }] });
    expect((await ask("GET", `${path}/presence`)).body).toEqual({ channel, count: 0, users: [], members: [] });
  });

  test("channels are listed by prefix and page by page", async () => {
    const prefix = fresh("page");
    const channels = Array.from({ length: 150 }, (_, at) => `${prefix}:${String(at).padStart(3, "0")}`);
    await ask("POST", "/v1/publish", { channels, data: 1 });
    const first = (await ask("GET", `/v1/channels?prefix=${prefix}`)).body;
    const second = (
      await ask("GET", `/v1/channels?prefix=${prefix}&page=${encodeURIComponent(String(first.next_page))}`)
    ).body;
    const found = [first, second].flatMap((it) => (it.channels as Frame[]).map(({ channel }) => channel));
    expect(found).toEqual(channels);
    expect(second).not.toHaveProperty("next_page");
  });

  test("history accepts keywords, cursors and a limit", async () => {
    const channel = fresh("room");
    for (let at = 1; at <= 5; at++) await ask("POST", "/v1/publish", { channel, data: at });
    const history = async (query: string) => (await ask("GET", `/v1/channels/${channel}/history?${query}`)).body;
    const { epoch } = await history("");
    const offsets = async (query: string) => ((await history(query)).messages as Frame[]).map(({ offset }) => offset);
    expect(await offsets("limit=2")).toEqual([4, 5]);
    expect(await offsets("since=earliest&limit=2")).toEqual([1, 2]);
    expect(await offsets(`since=${channel}~${epoch}~3`)).toEqual([4, 5]);
    expect(await history(`since=${channel}~other~3`)).toMatchObject({ complete: false, reason: "epoch-changed" });
    for (const [field, query] of [
      ["limit", "limit=0"],
      ["limit", "limit=1001"],
      ["since", "since=soon"],
    ] as const) {
      expect(await ask("GET", `/v1/channels/${channel}/history?${query}`)).toMatchObject({
        status: 400,
        body: { field },
      });
    }
  });

  test("an unknown name is 404, and an invalid name 400", async () => {
    expect(await ask("GET", `/v1/channels/${fresh("never")}`)).toMatchObject({ status: 404 });
    expect(await ask("GET", "/v1/channels/a%20b")).toMatchObject({ status: 400, body: { field: "channel" } });
    expect((await server.request("GET", "/v1/channels/%ff%fe")).status).toBeWithin(400, 500);
  });
});

describe("/v1/connections", () => {
  test("are listed with their users, by user and in pages", async () => {
    const user = fresh("u");
    const sockets = await Promise.all(Array.from({ length: 100 }, () => connect(user, "&channel=room:x")));
    try {
      const { body } = await ask("GET", `/v1/connections?user_id=${user}`);
      const connections = body.connections as Frame[];
      expect(connections.map(({ id }) => id).sort()).toEqual(sockets.map((it) => it.welcome.connection_id).sort());
      expect(connections[0]).toMatchObject({
        user_id: user,
        channels: ["all", `@${user}`, "room:x"],
        is_lagging: false,
      });
      expect(connections[0]?.remote).toMatch(/^127\.0\.0\.1:\d+$/);
      const other = fresh("u");
      using one = await connect(other, `&channel=${user}`);
      const id = one.welcome.connection_id;
      const listed = async (query: string) => {
        const { connections, total } = (await ask("GET", `/v1/connections?${query}`)).body;
        const ids = (connections as Frame[]).map((it) => it.id);
        return { ids, total };
      };
      for (const query of [`id=${id}`, `channel=${user}`, `user_id=${other}&channel=${user}&id=${id}`]) {
        expect(await listed(query)).toEqual({ ids: [id], total: 1 });
      }
      for (const query of [`id=${id}x`, `user_id=${user}&channel=${user}`, `user_id=${user}&id=${id}`]) {
        expect(await listed(query)).toEqual({ ids: [], total: 0 });
      }
      expect((await listed(`user_id=${user}&channel=room:x`)).total).toBe(100);
      expect(await ask("GET", "/v1/connections?channel=a*")).toMatchObject({ status: 400, body: { field: "channel" } });
      const first = (await ask("GET", "/v1/connections")).body;
      expect((first.connections as Frame[]).length).toBe(100);
      const rest = (await ask("GET", `/v1/connections?page=${first.next_page}`)).body;
      expect((rest.connections as Frame[]).length).toBeGreaterThanOrEqual(1);
      expect(await ask("GET", "/v1/connections?page=x")).toMatchObject({ status: 400 });
    } finally {
      for (const socket of sockets) socket[Symbol.dispose]();
    }
  });
});

describe("operations", () => {
  test("health, livez and readyz report the state", async () => {
    using _socket = await connect(fresh("u"));
    const { status, body } = await ask("GET", "/health");
    expect([status, body.status, body.uptime, typeof body.uptime_s]).toEqual([200, "healthy", "running", "number"]);
    expect(body.connections).toBeGreaterThanOrEqual(1);
    expect(await ask("GET", "/livez")).toMatchObject({ status: 200, body: { status: "alive" } });
    expect(await ask("GET", "/readyz")).toMatchObject({ status: 200, body: { status: "ready" } });
    expect((await server.request("HEAD", "/livez")).status).toBe(200);
  });

  test("metrics are JSON by default and Prometheus text for a scraper", async () => {
    using _socket = await connect(fresh("u"));
    const { body } = await ask("GET", "/metrics");
    expect(body.service).toBe("fanfare");
    expect(body.active_connections).toBeGreaterThanOrEqual(1);
    const accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
    const scraped = await server.request("GET", "/metrics", undefined, { Accept: accept });
    expect(scraped.headers.get("Content-Type")).toStartWith("text/plain; version=0.0.4");
    const text = await scraped.text();
    expect(text).toMatch(/^# TYPE fanfare_active_connections gauge\nfanfare_active_connections [1-9]\d*$/m);
    expect(text).toMatch(/^# TYPE fanfare_publications_total counter\nfanfare_publications_total [1-9]\d*$/m);
    for (const line of text.split("\n").filter((it) => it !== ""))
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? -?[\d.e+-]+)$/);
  });

  test("an unknown path is 404; an unknown method is 405 and lists the allowed ones", async () => {
    const missing = await ask("GET", "/nowhere");
    expect(missing.headers.get("Content-Type")).toStartWith("application/problem+json");
    expect(missing).toMatchObject({ status: 404, body: { status: 404, title: "Not Found", code: "not-found" } });
    for (const [method, path, allowed] of [
      ["GET", "/sse/push", "POST"],
      ["PUT", "/sse/push/batch", "POST"],
      ["GET", "/v1/publish", "POST"],
      ["DELETE", "/v1/channels", "GET"],
      ["POST", "/v1/connections/x", "DELETE"],
      ["POST", "/health", "GET"],
      ["POST", "/metrics", "GET"],
      ["POST", "/sse", "GET"],
    ] as const) {
      const answer = await ask(method, path);
      expect([path, answer.status, answer.body.code]).toEqual([path, 405, "method-not-allowed"]);
      expect([path, answer.headers.get("Allow")]).toEqual([path, allowed]);
    }
    const text = await (await server.request("GET", "/metrics", undefined, { Accept: "text/plain" })).text();
    for (const code of ["not-found", "method-not-allowed"]) {
      expect(text).toMatch(new RegExp(`^fanfare_refusals_total\\{code="${code}"\\} [1-9]`, "m"));
    }
  });
});

test("the paths for pushing and for the WebSocket can be changed; the default ones are then unknown", async () => {
  const env = { WS_PATH: "/socket", SSE_PATH: "/events", SSE_BATCH_PATH: "/events/many" };
  await using other = await startServer({ env });
  using socket = await SocketUnderTest.open(`${other.url.replace("http", "ws")}/socket?user_id=u`);
  expect((await other.request("POST", "/events", { user_id: "u", data: 1 })).status).toBe(200);
  expect((await other.request("POST", "/events/many", [{ user_id: "u", data: 2 }])).status).toBe(200);
  expect((await socket.untilMessages(2)).map(({ data }) => data)).toEqual([1, 2]);
  for (const path of ["/sse/push", "/sse/push/batch"]) {
    expect((await other.request("POST", path, { user_id: "u", data: 1 })).status).toBe(404);
  }
  expect((await other.request("GET", "/ws")).status).toBe(404);
});

test("an idle connection stays open for KEEP_ALIVE_TIMEOUT, one with an incomplete request for 10 s", async () => {
  await using other = await startServer({ env: { KEEP_ALIVE_TIMEOUT: "1s" } });
  using idle = await RawSocket.connect(other.port);
  const startedAt = performance.now();
  idle.write("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await idle.untilReceived(/HTTP\/1\.1 200[\s\S]*\r\n\r\n/);
  using half = await RawSocket.connect(other.port);
  half.write("GET /livez HTTP/1.1\r\nHo");
  using usual = await RawSocket.connect(server.port);
  usual.write("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await usual.untilReceived(/HTTP\/1\.1 200[\s\S]*\r\n\r\n/);
  await idle.untilEnded();
  expect([half.isEnded, usual.isEnded]).toEqual([false, false]);
  await half.untilEnded();
  expect(usual.isEnded).toBe(false);
  expect(performance.now() - startedAt).toBeGreaterThan(1000);
});
