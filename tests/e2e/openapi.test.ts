import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { errorTable } from "../../protocol/errors.ts";
import { makeToken } from "../../server/auth/token.ts";
import type { OpenApiDocument } from "../../server/http/docs/documents.ts";
import { ApiUnderTest, type Described, exampleBodies, exampleUrl, refsIn, resolveRef } from "../schema/described.ts";
import { Shared } from "../shared.ts";
import { RawSocket } from "./raw-socket.ts";
import { handshake } from "./raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";
import { pathsInTheSource } from "./source-paths.ts";

const secret = "a secret of thirty-two bytes or more";
const keyOf = (scope: string) => `${scope}-key-77b2c0de93a1`;
const keys = ["publish", "read", "admin"].map((scope) => `${scope}@${keyOf(scope)}`).join(",");
/** The headers of a WebSocket handshake (RFC 6455 §4.1). */
const upgrade = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};
const isWebSocket = ({ operation }: Described) => "101" in operation.responses;
/** A drain ends the server, and only a server with workers can reload. Each has its own test. */
const isApart = ({ name }: Described) => ["POST /v1/drain", "POST /v1/reload", "POST /v1/upgrade"].includes(name);

let open: ServerUnderTest;
let secured: ServerUnderTest;
/** Limits at which every further connection and every further channel is refused. */
let tight: ServerUnderTest;
/** Refuses new clients, and ends when `lastOfDraining` leaves. */
let draining: ServerUnderTest;
let lastOfDraining: SocketUnderTest;
let api: ApiUnderTest;
let token: string;

const shared = new Shared();
beforeAll(async () => {
  [open, secured, tight, draining] = await Promise.all([
    shared.use(startServer()),
    shared.use(startServer({ env: { API_KEY: keys, JWT_SECRET: secret } })),
    shared.use(startServer({ env: { MAX_CHANNELS: "1", MAX_CONNECTIONS_PER_USER: "1", MAX_CONNECTIONS: "2" } })),
    shared.use(startServer({ env: { USER_CONNECTIONS: "reject" } })),
  ]);
  lastOfDraining = await SocketUnderTest.open(`${draining.wsUrl}?user_id=alice`);
  api = await apiOf(open);
  token = await makeToken({ sub: "alice", subscribe: ["*"], publish: ["*"], expiresInS: 60, secret });
});

afterAll(() => shared.close());

async function apiOf(server: ServerUnderTest): Promise<ApiUnderTest> {
  return new ApiUnderTest((await (await server.request("GET", "/openapi.json")).json()) as OpenApiDocument);
}

interface RequestOverrides {
  readonly headers?: Record<string, string>;
  readonly type?: string | undefined;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  /** Used instead of the examples of parameters. */
  readonly values?: Readonly<Record<string, string>>;
}

function ask(server: ServerUnderTest, it: Described, { headers, type, body, values }: RequestOverrides = {}) {
  return fetch(server.url + exampleUrl(it, values), {
    method: it.method,
    redirect: "manual",
    headers: {
      ...(isWebSocket(it) ? upgrade : {}),
      ...(type === undefined ? {} : { "Content-Type": type }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
}

/** Sends one request per example and returns what is wrong with the answers. There is a connection to kick, and a schedule. */
async function tryExamples(
  server: ServerUnderTest,
  described: ApiUnderTest,
  it: Described,
  asking: RequestOverrides = {},
) {
  const results = [];
  for (const { type, body } of exampleBodies(it)) {
    using victim = isKick(it)
      ? await SocketUnderTest.open(`${server.wsUrl}?user_id=alice&token=${tokenFor(server)}`)
      : undefined;
    const values = { ...(victim && isKick(it) === "connection" ? { id: String(victim.welcome.connection_id) } : {}) };
    if (it.path.startsWith("/v1/schedules/")) await putSchedule(server);
    if (it.method === "DELETE" && it.path.endsWith("/block")) await block(server, it);
    const response = await ask(server, it, { ...asking, type, body, values: { ...values, ...asking.values } });
    const { status } = response;
    const faults = await described.faultsIn(it, response);
    if (!response.bodyUsed) await response.body?.cancel();
    const isLater = it.path === "/v1/publish" && String(body).includes("delay_s");
    results.push({ name: it.name, status, faults, isLater });
  }
  return results;
}

const tokenFor = (server: ServerUnderTest) => (server === secured ? token : "");

/** The schedule that the examples name. */
async function putSchedule(server: ServerUnderTest): Promise<void> {
  const body = { publish: { channel: "reports", message: "It is ready" }, every_s: 3600 };
  const headers = { Authorization: `Bearer ${keyOf("publish")}` };
  await server.request("PUT", "/v1/schedules/daily-report", body, headers);
}

/** The block that the examples lift. */
async function block(server: ServerUnderTest, lift: Described): Promise<void> {
  const headers = { Authorization: `Bearer ${keyOf("admin")}` };
  await (await fetch(server.url + exampleUrl(lift), { method: "POST", headers })).body?.cancel();
}

function isKick({ method, path }: Described): "connection" | "user" | undefined {
  if (method !== "DELETE") return undefined;
  return path.startsWith("/v1/connections") ? "connection" : "user";
}

/** The status, if the document has it as a success; otherwise the first one that it has. */
function succeeded({ operation }: Described, status: number): number {
  const told = Object.keys(operation.responses).map(Number);
  return told.includes(status) && status < 300 ? status : (told[0] ?? 0);
}

describe("the document", () => {
  test("is valid: references resolve, names are unique, paths have their parameters", () => {
    const { document, operations } = api;
    expect(document.openapi).toStartWith("3.1.");
    for (const it of refsIn(document)) expect(resolveRef(document, it)).toBeObject();
    const ids = operations.map(({ operation }) => operation.operationId);
    expect([...new Set(ids)]).toEqual(ids);
    const tags = document.tags.map(({ name }) => name);
    for (const { path, operation } of operations) {
      const inPath = (operation.parameters ?? []).filter((it) => it.in === "path");
      expect(inPath.map(({ name, required }) => [`{${name}}`, required])).toEqual(
        (path.match(/\{\w+\}/g) ?? []).map((it) => [it, true]),
      );
      expect(tags).toEqual(expect.arrayContaining([...operation.tags]));
      const schemes = operation.security.flatMap((it) => Object.keys(it));
      expect(Object.keys(document.components.securitySchemes)).toEqual(expect.arrayContaining(schemes));
    }
  });

  test("has examples that follow its own schemas", () => {
    for (const { name, operation } of api.operations) {
      const contents = [operation.requestBody, ...Object.values(operation.responses)].flatMap((it) =>
        Object.values(it?.content ?? {}),
      );
      for (const { schema, examples = {} } of contents) {
        for (const { value } of Object.values(examples))
          expect([name, api.faultsOf(schema, value)]).toEqual([name, []]);
      }
      for (const { schema, example } of operation.parameters ?? []) {
        if (example !== undefined) expect([name, api.faultsOf(schema, example)]).toEqual([name, []]);
      }
    }
  });

  test("describes every route except those of the pages at / and /admin and the file of the SDK", async () => {
    const documented = new Set(api.operations.map(({ path }) => path));
    const undocumented = [];
    for (const path of await pathsInTheSource()) {
      for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"]) {
        if (documented.has(path) || ["/", "/admin", "/client.js"].includes(path)) continue;
        if (path.startsWith("/page/") || path.startsWith("/admin/")) continue;
        const { status } = await open.request(method, path);
        if (status !== 404) undocumented.push([method, path, status]);
      }
    }
    expect(undocumented).toEqual([]);
    for (const it of api.operations) {
      // A method that the path does not have. The answer lists those that it has.
      const response = await fetch(open.url + exampleUrl(it), { method: "PATCH" });
      const methods = api.operations.filter(({ path }) => path === it.path).map(({ method }) => method);
      if (isWebSocket(it)) expect(response.status).toBe(426);
      else
        expect([it.path, response.status, response.headers.get("Allow")]).toEqual([it.path, 405, methods.join(", ")]);
    }
  });

  test("keeps the paths of operations", async () => {
    const env = { SSE_PATH: "/in/one", SSE_BATCH_PATH: "/in/many", WS_PATH: "/live" };
    await using server = await startServer({ env });
    const moved = await apiOf(server);
    const names = moved.operations.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["POST /in/one", "POST /in/many", "GET /live"]));
    for (const it of ["POST /sse/push", "POST /sse/push/batch", "GET /ws"]) expect(names).not.toContain(it);
    for (const name of ["POST /in/one", "POST /in/many", "GET /live"]) {
      const it = moved.operation(name);
      for (const { status, faults } of await tryExamples(server, moved, it)) {
        expect([name, status, faults]).toEqual([name, succeeded(it, status), []]);
      }
    }
  });
});

describe("every operation answers the document's examples as described", () => {
  test("on an open server", async () => {
    using _alice = await SocketUnderTest.open(`${open.wsUrl}?user_id=alice&channel=room:1`);
    // An open server accepts no tokens.
    for (const it of api.operations.filter((it) => !isApart(it) && it.name !== "POST /v1/session")) {
      for (const { name, status, faults } of await tryExamples(open, api, it)) {
        expect([name, status, faults]).toEqual([name, succeeded(it, status), []]);
      }
    }
  });

  test("an open server does not ask for tokens to receive messages", async () => {
    for (const it of [api.operation("GET /ws"), api.operation("GET /sse")]) {
      expect([it.name, it.operation.security]).toEqual([it.name, [{}]]);
      const response = await ask(open, it, { values: { token } });
      expect([it.name, response.status, await api.faultsIn(it, response)]).toEqual([it.name, 401, []]);
    }
  });

  test("on a secured server, with each documented credential and no other", async () => {
    const described = await apiOf(secured);
    using _alice = await SocketUnderTest.open(`${secured.wsUrl}?channel=room:1&token=${token}`);
    for (const it of described.operations.filter((it) => !isApart(it))) {
      const { security } = it.operation;
      const scope = security.flatMap((way) => way.key ?? [])[0];
      const isForAll = security.length === 0 || security.some((way) => Object.keys(way).length === 0);
      for (const [scheme, asking] of credentials(scope)) {
        const isTold = isForAll || security.some((way) => scheme in way);
        for (const { name, status, faults, isLater } of await tryExamples(secured, described, it, asking)) {
          // A user's token may publish, but not schedule.
          const expected = !isTold
            ? 401
            : isLater && ["token", "session"].includes(scheme)
              ? 403
              : succeeded(it, status);
          expect([name, scheme, status, faults]).toEqual([name, scheme, expected, []]);
        }
      }
      const wrong = { Authorization: `Bearer ${keyOf(scope === "read" ? "admin" : "read")}` };
      if (scope === undefined || isForAll) continue;
      const refused = await ask(secured, it, { headers: wrong });
      expect([it.name, refused.status, await described.faultsIn(it, refused)]).toEqual([it.name, 403, []]);
    }
  });

  test("GET /health has more fields with an API key", async () => {
    const it = (await apiOf(secured)).operation("GET /health");
    expect(Object.keys((await (await ask(secured, it)).json()) as object)).toEqual(["status"]);
    const full = await ask(secured, it, { headers: { "X-API-Key": keyOf("read") } });
    expect(Object.keys((await full.json()) as object)).toContain("uptime_s");
  });

  test("GET /metrics is Prometheus text for a scraper", async () => {
    const it = api.operation("GET /metrics");
    const response = await ask(open, it, { headers: { Accept: "text/plain" } });
    expect(response.headers.get("Content-Type")).toStartWith("text/plain");
    expect(await api.faultsIn(it, response)).toEqual([]);
  });

  test("POST /v1/drain, and the answers after it", async () => {
    // The listener closes a little later, so requests that should be refused after that must start before.
    using early = await RawSocket.connect(draining.port);
    const asked = handshake(draining.port, "/ws?user_id=bob");
    early.write(asked.slice(0, 20));
    // alice is already connected. A temporary refusal never gives a stream an error status, which would end an EventSource for good.
    for (const [it, status] of [
      [api.operation("GET /ws"), 409],
      [api.operation("GET /sse"), 200],
    ] as const) {
      const conflict = await ask(draining, it);
      const text = await conflict.clone().text();
      expect([it.name, conflict.status, await api.faultsIn(it, conflict)]).toEqual([it.name, status, []]);
      expect(text).toContain(status === 200 ? '"code":4501' : '"code":"conflict"');
    }
    const statuses = { "POST /v1/drain": 202, "GET /readyz": 503, "GET /livez": 200, "GET /health": 200 };
    for (const [name, expected] of Object.entries(statuses)) {
      const response = await ask(draining, api.operation(name));
      expect([name, response.status, await api.faultsIn(api.operation(name), response)]).toEqual([name, expected, []]);
    }
    await lastOfDraining.until(({ event }) => event === "draining");
    early.write(asked.slice(20));
    await early.untilReceived(/\}$/);
    const refused = responseOf(early.received);
    expect([refused.status, await api.faultsIn(api.operation("GET /ws"), refused)]).toEqual([503, []]);
    lastOfDraining.close();
    expect(await draining.exited).toBe(0);
  });
});

/** A response that was parsed by hand. */
function responseOf(received: string): Response {
  const [head = "", body] = received.split("\r\n\r\n");
  const [statusLine = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line): [string, string] => [line.replace(/:.*/, ""), line.replace(/^.*?: /, "")]);
  return new Response(body ?? "", { status: Number(statusLine.split(" ")[1]), headers });
}

/** Each scheme and none, with the key of this scope. */
function credentials(scope = "read"): readonly (readonly [string, RequestOverrides])[] {
  return [
    ["nothing", {}],
    ["key", { headers: { Authorization: `Bearer ${keyOf(scope)}` } }],
    ["keyHeader", { headers: { "X-API-Key": keyOf(scope) } }],
    ["token", { headers: { Authorization: `Bearer ${token}` } }],
    ["tokenQuery", { values: { token } }],
    ["session", { headers: { Cookie: `fanfare=${token}`, Origin: secured.url } }],
  ];
}

/** Operation, code and request. Operations with a body also get requests with a broken body. */
const json = "application/json";
const notText = { type: json, body: new Uint8Array([0x22, 0xff, 0x22]) };
const tooMuch = { type: json, body: JSON.stringify("x".repeat(1024 ** 2)) };
const zipped = { type: json, body: Bun.gzipSync("{}"), headers: { "Content-Encoding": "gzip" } };
const nowhere = { values: { id: "nowhere" } };
const withBody = [
  "POST /sse/push",
  "POST /sse/push/batch",
  "POST /v1/publish",
  "POST /v1/channels/{channel}/messages",
  "POST /v1/schedules",
  "PUT /v1/schedules/{id}",
  "POST /v1/users/{id}/block",
  "POST /v1/tokens/{id}/block",
];
const withoutBody = [
  ...["pause", "resume", "trigger"].map((it) => `POST /v1/schedules/{id}/${it}`),
  "DELETE /v1/schedules/{id}",
  "DELETE /v1/connections/{id}",
  "DELETE /v1/users/{id}/connections",
  "DELETE /v1/users/{id}/block",
  "DELETE /v1/tokens/{id}/block",
  ...["POST", "DELETE"].map((method) => `${method} /v1/session`),
  ...["upgrade", "reload", "drain"].map((it) => `POST /v1/${it}`),
];
const provocations: readonly (readonly [string, keyof typeof errorTable, RequestOverrides])[] = [
  ...withBody.flatMap(
    (name) =>
      [
        [name, "bad-json", { type: json, body: "{" }],
        [name, "bad-request", notText],
        [name, "too-large", tooMuch],
        [name, "unsupported-media-type", zipped],
      ] as const,
  ),
  ...withoutBody.flatMap(
    (name) =>
      [
        [name, "bad-json", { body: "now" }],
        [name, "invalid-field", { body: '{"grace_s":60}' }],
        [name, "bad-request", notText],
        [name, "too-large", tooMuch],
        [name, "unsupported-media-type", zipped],
      ] as const,
  ),
  ["POST /v1/schedules", "invalid-field", { type: json, body: '{"every_s":1}' }],
  ["PUT /v1/schedules/{id}", "invalid-field", { type: json, body: '{"every_s":1}' }],
  ...["GET", "DELETE"].map((method) => [`${method} /v1/schedules/{id}`, "not-found", nowhere] as const),
  ...["pause", "resume", "trigger"].map((it) => [`POST /v1/schedules/{id}/${it}`, "not-found", nowhere] as const),
  ["POST /sse/push", "invalid-field", { type: json, body: "{}" }],
  ["POST /sse/push", "too-large", { type: json, body: JSON.stringify({ user_id: "a", data: "x".repeat(66_000) }) }],
  ["POST /sse/push/batch", "invalid-field", { type: json, body: "{}" }],
  ["POST /v1/publish", "invalid-field", { type: json, body: '{"channel":"a b","data":1}' }],
  ["POST /v1/channels/{channel}/messages", "invalid-field", { body: "" }],
  ["POST /v1/channels/{channel}/messages", "bad-request", { body: "hi", values: { channel: "a b" } }],
  ["GET /v1/channels/{channel}", "bad-request", { values: { channel: "a b" } }],
  ["GET /v1/channels/{channel}", "not-found", { values: { channel: "nowhere" } }],
  ["GET /v1/channels/{channel}/history", "bad-request", { values: { since: "yesterday" } }],
  ["GET /v1/channels/{channel}/presence", "bad-request", { values: { channel: "a b" } }],
  ["GET /v1/channels/{channel}/presence", "invalid-field", { values: { page: "nowhere" } }],
  ["GET /v1/connections", "bad-request", { values: { page: "one" } }],
  ["GET /v1/trace", "bad-request", { values: { user: "" } }],
  ["GET /v1/stats", "bad-request", { values: { after: "yesterday" } }],
  ["GET /v1/tail", "bad-request", { values: { kind: "everything" } }],
  ["GET /v1/explain", "invalid-field", { values: { channel: "a b" } }],
  ["DELETE /v1/connections/{id}", "not-found", { values: { id: "c_nobody" } }],
  ["GET /v1/blocks", "invalid-field", { values: { page: "one" } }],
  ...["users", "tokens"].flatMap(
    (kind) =>
      [
        [`POST /v1/${kind}/{id}/block`, "invalid-field", { type: json, body: '{"expires_in_s":0}' }],
        [`DELETE /v1/${kind}/{id}/block`, "bad-request", { values: { id: "x".repeat(300) } }],
        [`DELETE /v1/${kind}/{id}/block`, "not-found", nowhere],
      ] as const,
  ),
  ["POST /v1/session", "bad-request", { headers: { Authorization: `Bearer ${"x".repeat(4100)}` } }],
  ["POST /v1/upgrade", "bad-request", {}],
  ["POST /v1/reload", "bad-request", {}],
  ["GET /ws", "bad-request", { values: { channel: "a b" } }],
  ["GET /ws", "upgrade-required", { headers: { Upgrade: "h2c" } }],
  ["GET /sse", "bad-request", { values: { since: "yesterday" } }],
];

/** Refusals that other tests in this file provoke, or that no quick test can provoke. */
const elsewhere: Readonly<Record<string, string>> = {
  unauthorized: "without a credential, above",
  "token-expired": "in http-tokens.test.ts",
  forbidden: "with another origin, below",
  conflict: "above",
  draining: "above",
  "rate-limited": "below",
  full: "below",
  "too-many-channels": "below for receiving; to publish into too many takes a million channels",
  "too-many-schedules": "in schedules.test.ts",
  internal: "is a fault of the server",
  "request-timeout": "takes half a minute",
  "broker-unavailable": "takes a broker that is not available",
  "hook-unavailable": "takes an application that does not answer, in settings.test.ts",
  "keys-unavailable": "takes a provider of keys that does not answer, in http-tokens.test.ts",
  "idempotency-full": "takes a memory full of ids",
  overloaded: "in memory-limit.test.ts",
};

/** The parameters of its URL that are no lists. */
function singleParameters({ name, operation }: Described): readonly string[] {
  const lists = name.includes("/v1/") ? ["kind"] : ["channel", "channels", "lastEventId"];
  const { parameters = [] } = operation;
  return parameters.flatMap((it) => (it.in === "query" && !lists.includes(it.name) ? it.name : []));
}

describe("errors are documented", () => {
  test.each(provocations)("%s: %s", async (name, code, asking) => {
    const response = await ask(open, api.operation(name), asking);
    const body = await response.clone().json();
    expect([response.status, body]).toEqual([errorTable[code].status, expect.objectContaining({ code })]);
    expect(await api.faultsIn(api.operation(name), response)).toEqual([]);
  });

  test("each documented error can be provoked", () => {
    const documented = api.operations.flatMap(({ name, operation }) =>
      Object.values(operation.responses)
        .flatMap(({ content = {} }) => Object.keys(content["application/problem+json"]?.examples ?? {}))
        .map((code) => [name, code]),
    );
    const provoked = new Set(provocations.map(([name, code]) => `${name} ${code}`));
    for (const it of api.operations) if (singleParameters(it).length > 0) provoked.add(`${it.name} bad-request`);
    expect(documented.filter(([name, code = ""]) => !provoked.has(`${name} ${code}`) && !(code in elsewhere))).toEqual(
      [],
    );
    expect(Object.keys(elsewhere).filter((code) => !documented.some((it) => it[1] === code))).toEqual([]);
  });

  test("pages of other origins get 403 everywhere", async () => {
    for (const it of api.operations) {
      const headers = { Origin: "https://elsewhere.example", Upgrade: "" };
      const response = await ask(open, it, { headers });
      expect([it.name, response.status, await api.faultsIn(it, response)]).toEqual([it.name, 403, []]);
    }
  });

  test("too many channels, connections of a user, connections", async () => {
    const [ws, sse] = [api.operation("GET /ws"), api.operation("GET /sse")];
    const two = { values: { channels: "room:2,room:3" } };
    for (const it of [ws, sse]) {
      const response = await ask(tight, it, two);
      expect([await response.clone().json(), await api.faultsIn(it, response)]).toEqual([
        expect.objectContaining({ code: "too-many-channels" }),
        [],
      ]);
    }
    using _alice = await SocketUnderTest.open(`${tight.wsUrl}?user_id=alice`);
    const second = await ask(tight, ws);
    expect([second.status, await api.faultsIn(ws, second)]).toEqual([429, []]);
    using _bob = await SocketUnderTest.open(`${tight.wsUrl}?user_id=bob`);
    const third = await ask(tight, ws, { values: { user_id: "carol" } });
    expect([third.status, await api.faultsIn(ws, third)]).toEqual([503, []]);
    const stream = await ask(tight, sse, { values: { user_id: "carol" } });
    expect([stream.status, await api.faultsIn(sse, stream)]).toEqual([200, []]);
    expect(await stream.text()).toMatch(/^retry: \d+\nevent: system\ndata: .*"code":4053/);
  });

  test("each parameter of a URL that is not a list is refused if it is repeated", async () => {
    for (const it of api.operations) {
      for (const name of singleParameters(it)) {
        const path = it.path.replaceAll(/\{\w+\}/g, "x");
        const headers = isWebSocket(it) ? upgrade : {};
        const response = await open.request(it.method, `${path}?${name}=1&${name}=1`, undefined, headers);
        const { field } = (await response.clone().json()) as { readonly field?: string };
        expect([it.name, response.status, field]).toEqual([it.name, 400, name]);
        expect([it.name, await api.faultsIn(it, response)]).toEqual([it.name, []]);
      }
    }
  });

  test("each operation without a body refuses one with fields", () => {
    const names = api.operations.filter(({ operation, method }) => !operation.requestBody && method !== "GET");
    expect(names.map(({ name }) => name).toSorted()).toEqual(withoutBody.toSorted());
  });
});

describe("the check finds", () => {
  type Change = (operation: { responses: Record<string, unknown> }, components: Record<string, unknown>) => void;
  test.each<[string, Change, string]>([
    [
      "a different member",
      (_, all) => void Object.assign(all, { Receipt: { properties: { offset: { type: "string" } } } }),
      "$.offset is not of type string",
    ],
    [
      "an undocumented member",
      (_, all) => void Object.assign(all, { Receipt: { properties: {} } }),
      "$.id is not documented",
    ],
    ["an undocumented status", ({ responses }) => void delete responses[200], "status 200 is not documented"],
    [
      "an undocumented type",
      ({ responses }) => void Object.assign(responses, { 200: { content: {} } }),
      "type application/json is not documented",
    ],
  ])("%s", async (_, change, fault) => {
    const document = structuredClone(api.document);
    const name = "POST /v1/channels/{channel}/messages";
    change(document.paths["/v1/channels/{channel}/messages"]?.post as never, document.components.schemas as never);
    const changed = new ApiUnderTest(document);
    const response = await ask(open, changed.operation(name), { body: "hi" });
    expect((await changed.faultsIn(changed.operation(name), response)).join("\n")).toContain(fault);
  });
});
