import { describe, expect, test } from "bun:test";
import { fc } from "../tests/property.ts";
import { type ChannelName, everyone } from "./channel-name.ts";
import { decodeClientFrame, encodePublication, encodeServerFrame } from "./codec.ts";
import { errorTable, ServiceError } from "./errors.ts";
import type { ClientFrame } from "./frames.ts";
import { memberTexts } from "./json-text.ts";
import { limits } from "./limits.ts";
import type { Publication } from "./publication.ts";

function frameOf(text: string): ClientFrame {
  const decoded = decodeClientFrame(text);
  if ("refusal" in decoded) throw decoded.refusal;
  return decoded.frame;
}

function refusalOf(text: string): ServiceError | undefined {
  const decoded = decodeClientFrame(text);
  return "refusal" in decoded ? decoded.refusal : undefined;
}

function publish(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ type: "publish", channel: "room", message: "m", ...fields });
}

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const headersOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, "v"]));

const publication: Publication = {
  channel: everyone,
  id: "i1",
  epoch: "k3x9",
  offset: 17,
  timestamp: Date.UTC(2026, 10, 20, 10, 30, 25, 123),
};

describe("decodeClientFrame", () => {
  test.each(["Hello", "", " ", "send_now ", "[1]", '"{"', "\u0000", "ping", "👋"])(
    "decodes %p as a chat message",
    (text) => {
      expect(decodeClientFrame(text)).toEqual({ ref: undefined, frame: { type: "message", message: text } });
    },
  );

  test("decodes send_now as a command only if it is the whole text", () => {
    expect(frameOf("send_now")).toEqual({ type: "send_now" });
  });

  test.each([
    ['{"type":"message","message":"Hi","sender":"Alice"}', { type: "message", message: "Hi", sender: "Alice" }],
    ['\n {"type":"message","message":""}', { type: "message", message: "" }],
    ['{"type":"subscribe","channel":"room:1"}', { type: "subscribe", channel: "room:1" }],
    [
      '{"type":"subscribe","channel":"room:1","since":{"epoch":"k3x9","offset":17}}',
      { type: "subscribe", channel: "room:1", since: { from: "position", position: { epoch: "k3x9", offset: 17 } } },
    ],
    [
      '{"type":"subscribe","channel":"@u1","since":"2m"}',
      { type: "subscribe", channel: "@u1", since: { from: "age", ms: 120_000 } },
    ],
    ['{"type":"unsubscribe","channel":"all"}', { type: "unsubscribe", channel: "all" }],
    [
      '{"type":"history","channel":"all"}',
      { type: "history", channel: "all", limit: 100, since: { from: "last", count: 100 } },
    ],
    [
      '{"type":"history","channel":"all","limit":5,"since":"earliest"}',
      { type: "history", channel: "all", limit: 5, since: { from: "earliest" } },
    ],
    ['{"type":"presence","channel":"all"}', { type: "presence", channel: "all" }],
    ['{"type":"auth","token":"a.b.c"}', { type: "auth", token: "a.b.c" }],
    ['{"type":"ping"}', { type: "ping" }],
    [
      '{"type":"publish","channel":"room","data":1}',
      { type: "publish", channel: "room", data: "1", ephemeral: false, echo: true },
    ],
    [
      '{"type":"publish","channel":"room","message":null,"data":null,"echo":false,"ephemeral":true,"id":null}',
      { type: "publish", channel: "room", data: "null", ephemeral: true, echo: false },
    ],
  ])("decodes %s", (text, frame) => {
    expect<unknown>(decodeClientFrame(text)).toEqual({ ref: undefined, frame });
  });

  test("ignores an unknown field of a command, and reports its name", () => {
    expect(decodeClientFrame('{"type":"message","message":"Hi","more":1,"ref":2}')).toEqual({
      ref: 2,
      frame: { type: "message", message: "Hi" },
      unknown: { given: ["more"], known: ["type", "ref", "message", "sender"] },
    });
  });

  test.each([
    ["{", "bad-json"],
    ["{}x", "bad-json"],
    ['\u00a0{"type":"ping"}', "bad-json"],
    ['{"type":"ping"}{"type":"ping"}', "bad-json"],
    ["{}", "invalid-field"],
    ['{"type":7}', "invalid-field"],
    ['{"type":"shout"}', "unknown-type"],
    ['{"type":"toString"}', "unknown-type"],
    ['{"type":"__proto__"}', "unknown-type"],
    ['{"type":"send_now"}', "unknown-type"],
    ['{"type":"message"}', "invalid-field"],
    ['{"type":"message","message":7}', "invalid-field"],
    ['{"type":"message","message":"Hi","sender":""}', "invalid-field"],
    ['{"type":"message","message":"Hi","sender":"a\\u0007"}', "invalid-field"],
    ['{"type":"publish","channel":"room"}', "invalid-field"],
    ['{"type":"publish","data":1}', "invalid-field"],
    ['{"type":"publish","channel":"#members","data":1}', "invalid-field"],
    ['{"type":"publish","channel":"room","data":1,"echo":"no"}', "invalid-field"],
    ['{"type":"publish","channel":"room","data":1,"event":"system"}', "invalid-field"],
    ['{"type":"publish","channel":"room","data":1,"event":"two words"}', "invalid-field"],
    ['{"type":"publish","channel":"room","data":1,"headers":["a"]}', "invalid-field"],
    ['{"type":"publish","channel":"room","data":1,"headers":{"a":1}}', "invalid-field"],
    ['{"type":"subscribe"}', "invalid-field"],
    ['{"type":"subscribe","channel":"room","since":"yesterday"}', "invalid-field"],
    ['{"type":"subscribe","channel":"room","since":{"epoch":"e"}}', "invalid-field"],
    ['{"type":"auth"}', "invalid-field"],
  ])("rejects %s", (text, code) => {
    expect<string | undefined>(refusalOf(text)?.code).toBe(code);
  });

  test("an error names the field, the rule and the value", () => {
    expect(refusalOf(publish({ channel: "a b" }))).toMatchObject({
      field: "channel",
      message: 'channel: expected 1 to 200 of the characters A-Z a-z 0-9 _ - = @ , . ; : /, got "a b"',
    });
    expect(refusalOf(publish({ channel: "x".repeat(9999) }))?.message.length).toBeLessThan(200);
  });

  test("rejects a chat message for one channel, which everyone would receive", () => {
    const chat = (channel: unknown) => refusalOf(JSON.stringify({ type: "message", message: "Hi", channel }));
    expect(chat("room:1")).toMatchObject({
      field: "channel",
      message:
        'channel: expected no value: a chat message goes to all; to publish to a channel use the type "publish", got "room:1"',
    });
    expect([chat("all"), chat(null), chat(undefined)]).toEqual([undefined, undefined, undefined]);
  });

  test.each([
    ["a header that is no text", publish({ headers: { a: "1", b: 2 } }), 'headers: … got "b": 2'],
    [
      "a long header",
      publish({ headers: { a: "v".repeat(2000) } }),
      /^headers: … got "a": "v{56}… \(2002 characters\)$/,
    ],
    ["too many headers", publish({ headers: headersOf(limits.headers + 3) }), "headers: … got 17 members"],
    ["headers in an array", publish({ headers: [1] }), "headers: … got an array"],
    ["half a position", '{"type":"subscribe","channel":"a","since":{"epoch":"e"}}', /^since: … got an object$/],
    ["an offset", '{"type":"subscribe","channel":"a","since":5}', "since: … got 5"],
    ["no token", '{"type":"auth"}', "token: … got nothing"],
    ["a token that is no text", '{"type":"auth","token":{}}', "token: … got an object"],
  ])("the error about %s says what it got", (_, text, message) => {
    expect(refusalOf(text)?.message.replace(/ expected .*, got/s, " … got")).toMatch(message);
  });

  test.each([
    ["at", "2027-01-01T00:00:00Z"],
    ["delay_s", 5],
  ])("rejects %s, which would otherwise be published at once", (field, value) => {
    expect(refusalOf(publish({ channel: "a", [field]: value }))).toMatchObject({ code: "invalid-field", field });
    expect(refusalOf(publish({ channel: "a", [field]: null }))).toBeUndefined();
  });

  test("an error never shows the rejected token", () => {
    expect(refusalOf('{"type":"auth","token":["secret"]}')?.message).not.toContain("secret");
  });

  test.each([7, -0.5, "r", "", "r".repeat(limits.refLength)])("decodes the ref %p with the frame", (ref) => {
    expect(decodeClientFrame(JSON.stringify({ type: "ping", ref }))).toEqual({ ref, frame: { type: "ping" } });
  });

  test.each([
    ["id", "a\ud800"],
    ["sender", "\udc00a"],
    ["key", "a\ud800b"],
    ["headers", { "a\ud800": "b" }],
    ["headers", { a: "\ud800" }],
  ])("rejects half of a surrogate pair in %s, since all of them would be stored as the same text", (field, value) => {
    expect(refusalOf(publish({ channel: "a", [field]: value }))).toMatchObject({ code: "invalid-field", field });
    expect(refusalOf(publish({ channel: "a", id: "\ud83d\ude00" }))).toBeUndefined();
  });

  test.each([
    [`{"type":"publish","channel":"a","data":${"[".repeat(200)}${"]".repeat(200)},"ref":7}`, 7],
    [`{"ref":"r","type":"publish","channel":"a","data":${"[".repeat(200)}`, "r"],
    ['{"type":"publish","channel":"a","data":1,"ref":8', 8],
    ['{"type":"publish","data":{"ref":1},"x":tru,"ref":9}', 9],
    ['{"data":{"ref":1}, oops', undefined],
    [`{"ref":${"[".repeat(400)}`, undefined],
    ['{"ref":"', undefined],
  ])("an error about invalid JSON includes the ref if it can be read: %s", (text, ref) => {
    expect(decodeClientFrame(text)).toMatchObject({ ref, refusal: { code: "bad-json" } });
  });

  test("an error includes the ref", () => {
    expect(decodeClientFrame('{"type":"shout","ref":7}')).toMatchObject({ ref: 7, refusal: { code: "unknown-type" } });
  });

  test.each(["true", "{}", "[1]", "1e999", `"${"r".repeat(limits.refLength + 1)}"`])("rejects the ref %s", (ref) => {
    expect(decodeClientFrame(`{"type":"ping","ref":${ref}}`)).toMatchObject({
      ref: undefined,
      refusal: { code: "invalid-field", field: "ref" },
    });
  });

  test("returns a frame or a refusal for any text, and never throws", () => {
    const types = ["message", "publish", "subscribe", "unsubscribe", "history", "presence", "auth", "ping", "x"];
    const names = [
      "channel",
      "message",
      "data",
      "event",
      "id",
      "sender",
      "key",
      "headers",
      "echo",
      "since",
      "limit",
      "ref",
    ];
    const commands = fc
      .tuple(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...names), fc.jsonValue()))
      .map(([type, fields]) => JSON.stringify({ type, ...fields }));
    const nearly = fc.string({
      unit: fc.constantFrom("{", "}", "[", "]", '"', ":", ",", "\\", "type", "ping", "1", " "),
    });
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      commands,
      nearly,
      nearly.map((rest) => `{${rest}`),
    );
    fc.assert(
      fc.property(text, (input) => {
        const refusal = refusalOf(input);
        if (refusal === undefined) return;
        expect(refusal).toBeInstanceOf(ServiceError);
        expect(Object.keys(errorTable)).toContain(refusal.code);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a limit is exact", () => {
  const allowed: readonly [string, (size: number) => string, number][] = [
    ["channel", (size) => publish({ channel: "c".repeat(size) }), limits.channelNameLength],
    ["user of a personal channel", (size) => publish({ channel: `@${"u".repeat(size)}` }), limits.userIdLength],
    ["id", (size) => publish({ id: "i".repeat(size) }), limits.idLength],
    ["event", (size) => publish({ event: "e".repeat(size) }), limits.eventLength],
    ["sender", (size) => publish({ sender: "s".repeat(size) }), limits.senderLength],
    [
      "sender of a chat message",
      (size) => publish({ type: "message", channel: "all", sender: "s".repeat(size) }),
      limits.senderLength,
    ],
    ["key", (size) => publish({ key: "k".repeat(size) }), limits.keyLength],
    ["ref", (size) => publish({ ref: "r".repeat(size) }), limits.refLength],
    ["number of headers", (size) => publish({ headers: headersOf(size) }), limits.headers],
    ["one header", (size) => publish({ headers: { name: "v".repeat(size - 4) } }), limits.headerLength],
    ["levels of data", (size) => `{"type":"publish","channel":"room","data":${nested(size)}}`, limits.jsonDepth],
    ["history limit", (size) => `{"type":"history","channel":"room","limit":${size}}`, limits.historyLimit],
    ["last:N", (size) => `{"type":"history","channel":"room","since":"last:${size}"}`, limits.lastLimit],
  ];

  test.each(allowed)("%s: accepted at the limit, rejected above it", (_, text, limit) => {
    expect(refusalOf(text(limit))).toBeUndefined();
    expect(refusalOf(text(limit + 1))?.code).toBeOneOf(["invalid-field", "bad-json"]);
  });

  test.each([0, -1, 1.5, "10"])("rejects a history limit of %p", (limit) => {
    expect(refusalOf(JSON.stringify({ type: "history", channel: "room", limit }))?.field).toBe("limit");
  });
});

describe("data", () => {
  const spacing = fc.string({ unit: fc.constantFrom(" ", "\t"), maxLength: 3 });

  test.each([
    "9223372036854775807",
    "0.1000000000000000055511151231257827",
    '{ "b" :1,\t"a": [ ] }',
    '{"a":1,"a":2}',
    '"\\u0041\\/\\ud800"',
    '{"__proto__":1}',
    "1e999",
  ])("keeps the exact text %s", (data) => {
    const frame = frameOf(`{"type":"publish","channel":"room","data":${data}}`);
    expect(frame).toMatchObject({ data });
    expect(memberTexts(encodePublication({ ...publication, data })).get("data")).toBe(data);
  });

  test("stays unchanged wherever it is in the frame", () => {
    fc.assert(
      fc.property(fc.json(), spacing, spacing, (data, before, after) => {
        const text = `{"channel":"room","x":{"data":0},"data"${after}:${before}${data}${after},"type":"publish"}`;
        expect(frameOf(text)).toMatchObject({ data });
      }),
    );
  });

  test("is written on one line, as text streams require", () => {
    const frame = frameOf('{"type":"publish","channel":"room",\n"data":{\r\n"a":"x\\n",\n\n"b":1}\r}');
    expect(frame).toMatchObject({ data: '{ "a":"x\\n", "b":1}' });
  });

  test("increases the depth only where it nests", () => {
    const data = `"${"[".repeat(500)}"`;
    expect(frameOf(`{"type":"publish","channel":"room","data":${data}}`)).toMatchObject({ data });
  });

  test("is rejected without a crash at a depth that breaks parsers", () => {
    expect(refusalOf(`{"type":"publish","channel":"room","data":${nested(100_000)}}`)?.code).toBe("bad-json");
  });
});

describe("encodePublication", () => {
  test("writes a frame as the protocol page shows it", () => {
    expect(encodePublication({ ...publication, message: "Hello", sender: "Alice" })).toBe(
      '{"type":"message","channel":"all","offset":17,"id":"i1","timestamp":"2026-11-20T10:30:25.123Z",' +
        '"message":"Hello","sender":"Alice"}',
    );
  });

  test.each(["channel", "id"])("escapes the %s, whatever else the publication has", (field) => {
    const name = '@a"b\\\n';
    for (const more of [{}, { message: "m" }]) {
      const publication = {
        channel: "a" as ChannelName,
        id: "i",
        epoch: "e",
        offset: 1,
        timestamp: 0,
        data: "1",
        ...more,
      };
      expect(JSON.parse(encodePublication({ ...publication, [field]: name }))).toMatchObject({
        [field]: name,
        data: 1,
      });
    }
  });

  test("writes no offset for an ephemeral publication", () => {
    expect(JSON.parse(encodePublication({ ...publication, offset: 0, message: "" }))).toEqual({
      type: "message",
      channel: "all",
      id: "i1",
      timestamp: "2026-11-20T10:30:25.123Z",
      message: "",
    });
  });

  test("omits the excluded connection, and the epoch, which the join has sent", () => {
    const text = encodePublication({ ...publication, message: "m", excludeConnectionId: "c_1" });
    expect(text).not.toContain("c_1");
    expect(text).not.toContain("k3x9");
  });
});

describe("encodeServerFrame", () => {
  test("writes history as a frame that contains message frames", () => {
    const one = { ...publication, data: "9223372036854775807" };
    const two = { ...publication, offset: 18, message: "m" };
    const frame = { type: "history", channel: everyone, epoch: "e", offset: 18, complete: true } as const;
    expect(encodeServerFrame({ ...frame, messages: [one, two], ref: 7 })).toBe(
      '{"type":"history","channel":"all","epoch":"e","offset":18,"complete":true,"ref":7,"messages":' +
        `[${encodePublication(one)},${encodePublication(two)}]}`,
    );
    expect(JSON.parse(encodeServerFrame({ ...frame, messages: [] })).messages).toEqual([]);
  });
});
