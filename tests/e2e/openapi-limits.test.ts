import { afterAll, beforeAll, expect, test } from "bun:test";
import type { OpenApiDocument } from "../../server/http/docs/documents.ts";
import { ApiUnderTest, exampleUrl } from "../schema/described.ts";
import { Shared } from "../shared.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

let server: ServerUnderTest;
let api: ApiUnderTest;

const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer());
  api = new ApiUnderTest((await (await server.request("GET", "/openapi.json")).json()) as OpenApiDocument);
});

afterAll(() => shared.close());

const x = (length: number) => "x".repeat(length);
const items = <T>(length: number, item: T) => Array.from({ length }, () => item);
const names = (length: number) => Array.from({ length }, (_, index) => `name-${index}`);
const headersOf = (count: number) => Object.fromEntries(items(count, "v").map((value, index) => [`h${index}`, value]));

/** The operation, the bounded field, a function that makes a request of a given size, and the largest size allowed. */
type Row = readonly [name: string, what: string, last: number, make: (size: number) => unknown];

const push = (fields: object) => ({ user_id: "alice", data: 1, ...fields });
const schedule = (fields: object) => ({ publish: publish({}), every_s: 60, ...fields });
const publish = (fields: object) => ({ channel: "room:1", data: 1, ...fields });

const bodies: readonly Row[] = [
  ["POST /sse/push", "user_id", 128, (size) => push({ user_id: x(size) })],
  ["POST /sse/push", "event_type", 100, (size) => push({ event_type: x(size) })],
  ["POST /sse/push", "event_id", 128, (size) => push({ event_id: x(size) })],
  ["POST /sse/push", "timestamp", 253_402_300_799, (timestamp) => push({ timestamp })],
  ["POST /sse/push/batch", "items", 1000, (size) => items(size, push({}))],
  ["POST /v1/publish", "channel", 200, (size) => publish({ channel: x(size) })],
  ["POST /v1/publish", "channel of a user", 128, (size) => publish({ channel: `@${x(size)}` })],
  ["POST /v1/publish", "channels", 1000, (size) => publish({ channel: undefined, channels: names(size) })],
  ["POST /v1/publish", "user_id", 128, (size) => publish({ channel: undefined, user_id: x(size) })],
  ["POST /v1/publish", "user_ids", 1000, (size) => publish({ channel: undefined, user_ids: names(size) })],
  ["POST /v1/publish", "one of user_ids", 128, (size) => publish({ channel: undefined, user_ids: [x(size)] })],
  ["POST /v1/publish", "event", 100, (size) => publish({ event: x(size) })],
  ["POST /v1/publish", "id", 128, (size) => publish({ id: x(size) })],
  ["POST /v1/publish", "sender", 128, (size) => publish({ sender: x(size) })],
  ["POST /v1/publish", "key", 256, (size) => publish({ key: x(size) })],
  ["POST /v1/publish", "headers", 16, (size) => publish({ headers: headersOf(size) })],
  // The name counts too. Here it is as short as possible.
  ["POST /v1/publish", "one of headers", 1024, (size) => publish({ headers: { "": x(size) } })],
  ["POST /v1/publish", "exclude_connection_id", 128, (size) => publish({ exclude_connection_id: x(size) })],
  ["POST /v1/publish", "delay_s", 315_360_000, (delay_s) => publish({ delay_s })],
  ["POST /v1/schedules", "id", 64, (size) => schedule({ id: x(size) })],
  ["POST /v1/schedules", "every_s", 31_536_000, (every_s) => schedule({ every_s })],
  ["POST /v1/schedules", "delay_s", 315_360_000, (delay_s) => schedule({ every_s: undefined, delay_s })],
  ["POST /v1/schedules", "jitter_s", 86_400, (jitter_s) => schedule({ every_s: 31_536_000, jitter_s })],
  ["POST /v1/schedules", "max_runs", 1_000_000_000, (max_runs) => schedule({ max_runs })],
  ["POST /v1/schedules", "catch_up_window_s", 604_800, (catch_up_window_s) => schedule({ catch_up_window_s })],
];

test.each(bodies)("%s: %s, %d and no more", async (name, _, last, make) => {
  for (const [size, isAllowed] of [
    [last, true],
    [last + 1, false],
  ] as const) {
    expect(await asksWith(name, make(size))).toEqual({ isTold: isAllowed, isTaken: isAllowed });
  }
});

/** The operation, what is special, a request, and whether it is allowed. */
type Fewest = readonly [name: string, what: string, body: unknown, isAllowed: boolean];

const fewest: readonly Fewest[] = [
  ["POST /sse/push", "no user_id", push({ user_id: "" }), false],
  ["POST /sse/push", "no data", { user_id: "alice" }, false],
  ["POST /sse/push", "data that is null", { user_id: "alice", data: null }, true],
  ["POST /sse/push", "a control character in user_id", push({ user_id: "a\u0007" }), false],
  ["POST /sse/push", "a line separator in user_id", push({ user_id: "a\u2028" }), false],
  ["POST /sse/push", "an event of the server's own", push({ event_type: "system" }), false],
  ["POST /sse/push", "a user of one character", push({ user_id: "u" }), true],
  ["POST /sse/push", "an id of one character", push({ event_id: "1" }), true],
  ["POST /sse/push", "an empty id", push({ event_id: "" }), false],
  ["POST /sse/push", "the first second of 1970", push({ timestamp: 0 }), true],
  ["POST /sse/push", "a time before 1970", push({ timestamp: -1 }), false],
  ["POST /sse/push", "an unknown member", push({ unknown: "of" }), true],
  ["POST /sse/push/batch", "no item", [], true],
  ["POST /v1/publish", "no channel", { data: 1 }, false],
  ["POST /v1/publish", "two kinds of targets", publish({ user_id: "alice" }), false],
  ["POST /v1/publish", "an empty list of channels", { data: 1, channels: [] }, false],
  ["POST /v1/publish", "a list of one channel", { data: 1, channels: ["r"] }, true],
  ["POST /v1/publish", "a list with a name of 201 characters", { data: 1, channels: [x(201)] }, false],
  ["POST /v1/publish", "a list with a name of 200 characters", { data: 1, channels: [x(200)] }, true],
  ["POST /v1/publish", "a list with a user's channel", { data: 1, channels: [`@${x(128)}`] }, true],
  [
    "POST /v1/publish",
    "a list with the channel of a user that can be none",
    { data: 1, channels: [`@${x(129)}`] },
    false,
  ],
  ["POST /v1/publish", "an empty list of users", { data: 1, user_ids: [] }, false],
  ["POST /v1/publish", "a list of one user", { data: 1, user_ids: ["u"] }, true],
  ["POST /v1/publish", "an empty user ID in a list", { data: 1, user_ids: [""] }, false],
  ["POST /v1/publish", "no user", { data: 1, user_id: "" }, false],
  ["POST /v1/publish", "a user of one character", { data: 1, user_id: "u" }, true],
  ["POST /v1/publish", "neither message nor data", { channel: "room:1" }, false],
  ["POST /v1/publish", "message and data", publish({ message: "hi" }), true],
  ["POST /v1/publish", "an empty message", { channel: "room:1", message: "" }, true],
  ["POST /v1/publish", "a channel with a space", publish({ channel: "a b" }), false],
  ["POST /v1/publish", "a user's channel without a user", publish({ channel: "@" }), false],
  ["POST /v1/publish", "every character of a channel", publish({ channel: "aZ0_-=@,.;:/" }), true],
  ["POST /v1/publish", "an event of EventSource's own", publish({ event: "error" }), false],
  ...["id", "sender", "key", "exclude_connection_id"].flatMap((field): readonly Fewest[] => [
    ["POST /v1/publish", `an empty ${field}`, publish({ [field]: "" }), false],
    ["POST /v1/publish", `one character as ${field}`, publish({ [field]: "1" }), true],
  ]),
  ["POST /v1/publish", "a control character in sender", publish({ sender: "a\u0000" }), false],
  ["POST /v1/publish", "headers whose values are not text", publish({ headers: { a: 1 } }), false],
  ["POST /v1/publish", "no delay", publish({ delay_s: 0 }), true],
  ["POST /v1/publish", "a delay below zero", publish({ delay_s: -1 }), false],
  ["POST /v1/publish", "a time without its zone", publish({ at: "2100-01-01T00:00:00" }), false],
  ["POST /v1/publish", "a time with milliseconds", publish({ at: "2100-01-01T00:00:00.123Z" }), true],
  ["POST /v1/publish", "a time with more digits", publish({ at: "2100-01-01T00:00:00.1234Z" }), false],
  ["POST /v1/publish", "a time", publish({ at: "2100-01-01T00:00:00+01:00" }), true],
  ["POST /v1/schedules", "no time", schedule({ every_s: undefined }), false],
  ["POST /v1/schedules", "two kinds of times", schedule({ cron: "* * * * *" }), false],
  ["POST /v1/schedules", "nothing to publish", { every_s: 1 }, false],
  ["POST /v1/schedules", "an interval below a second", schedule({ every_s: 0.999 }), false],
  ["POST /v1/schedules", "an interval of a second", schedule({ every_s: 1 }), true],
  ["POST /v1/schedules", "no runs", schedule({ max_runs: 0 }), false],
  ["POST /v1/schedules", "jitter below zero", schedule({ jitter_s: -1 }), false],
  ["POST /v1/schedules", "an unknown catch_up", schedule({ catch_up: "some" }), false],
  ["POST /v1/schedules", "an id of the server's own", schedule({ id: "$a" }), false],
  ["POST /v1/schedules", "every character of an id", schedule({ id: "aZ0_=@,.:-" }), true],
  ["POST /v1/publish", "ephemeral that is not a boolean", publish({ ephemeral: "yes" }), false],
];

test.each(fewest)("%s with %s", async (name, _, body, isAllowed) => {
  expect(await asksWith(name, body)).toEqual({ isTold: isAllowed, isTaken: isAllowed });
});

/** Every request above, and whether the server accepts it. */
const cases: readonly Fewest[] = [
  ...bodies.flatMap(([name, what, last, make]): readonly Fewest[] => [
    [name, what, make(last), true],
    [name, what, make(last + 1), false],
  ]),
  ...fewest,
];

const bounds = ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "maxProperties"];

/** A copy of this schema for each of its bounds, with that bound changed by one, and the path to it. */
function offByOne(schema: unknown, way = ""): readonly (readonly [way: string, changed: unknown])[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([name, value]: [string, unknown]) => {
    const at = `${way}/${name}`;
    const others = (changed: readonly unknown[]) => changed.map((it) => [at, it] as const);
    const numberIn = (text: string, by: number) =>
      text.replaceAll(/(?<=\{\d+,)\d+(?=\})/g, (found) => String(Number(found) + by));
    const changes = bounds.includes(name)
      ? others([Number(value) - 1, Number(value) + 1])
      : name === "pattern" && /\{\d+,\d+\}/.test(String(value))
        ? others([numberIn(String(value), -1), numberIn(String(value), 1)])
        : offByOne(value, at);
    return changes.map(([where, changed]) => [where, { ...schema, [name]: changed }] as const);
  });
}

test.each(["POST /sse/push", "POST /v1/publish"])("%s: a bound that is wrong by one fails the check", (name) => {
  const schema = api.operation(name).operation.requestBody?.content["application/json"]?.schema ?? {};
  const own = cases.filter((it) => it[0] === name).map((it) => ({ value: JSON.parse(JSON.stringify(it[2])), it }));
  const isNoticed = (changed: object) =>
    own.some(({ value, it }) => (api.faultsOf(changed, value, { isStrict: false }).length === 0) !== it[3]);
  const changes = offByOne(schema);
  expect(changes.length).toBeGreaterThan(10);
  expect(isNoticed(schema)).toBe(false);
  expect(changes.filter(([, changed]) => !isNoticed(changed as object)).map(([way]) => way)).toEqual([]);
});

test("a character above U+FFFF counts as two, as the document says", async () => {
  expect(api.document.info.description).toContain("counts as two");
  const statusOf = async (count: number) =>
    (await server.request("POST", "/sse/push", push({ user_id: "🎺".repeat(count) }))).status;
  expect([await statusOf(64), await statusOf(65)]).toEqual([200, 422]);
});

/** Whether the document accepts this body, and the server's answer. */
async function asksWith(name: string, body: unknown) {
  const { path, operation } = api.operation(name);
  const value: unknown = JSON.parse(JSON.stringify(body));
  const schema = operation.requestBody?.content["application/json"]?.schema ?? {};
  const isTold = api.faultsOf(schema, value, { isStrict: false }).length === 0;
  const { status } = await server.request("POST", path, value);
  if (status >= 300 && status !== 422) throw new Error(`${name} was answered with ${status}`);
  return { isTold, isTaken: status < 300 };
}

/** The operation, its parameter, the last value that is allowed and the first that is not. */
const parameters: readonly (readonly [string, string, string, string])[] = [
  ["POST /v1/channels/{channel}/messages", "channel", x(200), x(201)],
  ["POST /v1/channels/{channel}/messages", "channel", `@${x(128)}`, `@${x(129)}`],
  ["POST /v1/channels/{channel}/messages", "Idempotency-Key", x(128), x(129)],
  ["POST /v1/publish", "Idempotency-Key", x(128), x(129)],
  ["GET /v1/channels/{channel}", "channel", x(200), x(201)],
  ["GET /v1/channels/{channel}/history", "channel", x(200), x(201)],
  ["GET /v1/channels/{channel}/history", "limit", "1000", "1001"],
  ["GET /v1/channels/{channel}/history", "limit", "1", "0"],
  ["GET /v1/channels/{channel}/presence", "channel", x(200), x(201)],
  ["GET /v1/connections", "page", "999999", "1000000"],
  ["GET /sse", "channel", x(200), x(201)],
  ["GET /sse", "user_id", x(128), x(129)],
  ["GET /sse", "since", cursorOf(4096), cursorOf(4097)],
  ["GET /sse", "takes_over", x(64), x(65)],
  ["GET /sse", "heartbeat", "3600", "3601"],
  ["GET /sse", "heartbeat", "1", "0"],
];

test.each(parameters)(
  "%s: the last %s that is allowed, and the first that is not",
  async (name, parameter, last, first) => {
    const described = api.operation(name);
    const found = described.operation.parameters?.find((it) => it.name === parameter);
    const schema = found?.schema ?? {};
    for (const [value, isAllowed] of [
      [last, true],
      [first, false],
    ] as const) {
      const typed = schema.type === "integer" ? Number(value) : value;
      const isTold = api.faultsOf(schema, typed, { isStrict: false }).length === 0;
      const url = server.url + exampleUrl(described, found?.in === "header" ? {} : { [parameter]: value });
      const response = await fetch(url, {
        method: described.method,
        headers: found?.in === "header" ? { [parameter]: value } : {},
        ...(described.method === "GET" ? {} : { body: '{"channel":"room:1","data":1}' }),
      });
      await response.body?.cancel();
      // 404: the name is valid, and the channel has no messages.
      expect({ isTold, isTaken: response.ok || response.status === 404 }).toEqual({
        isTold: isAllowed,
        isTaken: isAllowed,
      });
    }
  },
);

/** A cursor of this many bytes. */
function cursorOf(bytes: number): string {
  const entry = (length: number, index: number) => `${String(index).padStart(length - 4, "c")}~e~1`;
  const count = 40;
  const each = Math.floor((bytes - (count - 1)) / count);
  const rest = bytes - (count - 1) - each * (count - 1);
  return Array.from({ length: count }, (_, index) => entry(index === 0 ? rest : each, index)).join(",");
}

test("a filter that is not a valid user ID matches no connection, and the document allows any text", async () => {
  const described = api.operation("GET /v1/connections");
  const response = await server.request("GET", exampleUrl(described, { user_id: x(129) }));
  expect(await response.json()).toEqual({ connections: [], total: 0 });
  const schema = described.operation.parameters?.find(({ name }) => name === "user_id")?.schema ?? {};
  expect(api.faultsOf(schema, x(129))).toEqual([]);
});
