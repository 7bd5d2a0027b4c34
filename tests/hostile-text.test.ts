import { describe, expect, test } from "bun:test";
import { decodeServerFrames } from "../protocol/client-codec.ts";
import { decodeClientFrame } from "../protocol/codec.ts";
import { checkData, parseJson, parseObject } from "../protocol/fields.ts";
import { nearest } from "../protocol/nearest.ts";
import { parseCursor, parseSince } from "../protocol/position.ts";
import { parseDraftContent } from "../server/api/draft.ts";
import { postMessage } from "../server/api/publish.ts";
import { knownPublishFields } from "../server/api/publish-request.ts";
import { pushBatch } from "../server/api/push-batch.ts";
import { knownScheduleFields, parseScheduleRequest } from "../server/api/schedule-request.ts";
import { Access } from "../server/auth/access.ts";
import { ApiKeys } from "../server/auth/api-key.ts";
import { makeTokenVerifier } from "../server/auth/token.ts";
import { tokenFrom } from "../server/auth/token-source.ts";
import { parseChannelRules } from "../server/channels/rule.ts";
import { parseChatInput } from "../server/cli/chat/input.ts";
import { printable } from "../server/cli/printable.ts";
import { parseDotenv } from "../server/config/dotenv.ts";
import { examineSettings } from "../server/config/load.ts";
import { declarations } from "../server/config/options.ts";
import { parseSchedules } from "../server/config/schedules.ts";
import { authenticate } from "../server/http/credentials.ts";
import { OriginCheck } from "../server/http/origin-check.ts";
import { Page } from "../server/http/page.ts";
import { SessionCookies } from "../server/http/session-cookie.ts";
import { TrustedProxies } from "../server/lib/client-address.ts";
import { systemClock } from "../server/lib/clock.ts";
import { parseIsoTime } from "../server/lib/iso-time.ts";
import { makeLogFormat } from "../server/lib/log-format.ts";
import { makeRedactor } from "../server/lib/redact.ts";
import { Budgets } from "../server/limits/budgets.ts";
import { unlimited } from "../server/limits/rates.ts";
import { offeredSubprotocols, parseHandshake } from "../server/transport/handshake.ts";
import { shellWord } from "../web/page/curl.ts";

/** The most that a proxy or a client may send in one header, and more than any name or token needs. */
const size = 64 * 1024;

/** The parts of a text: each could be slow for some ambiguous regular expression. */
const units = [
  ..." \t\n\r\u2028=,:;./\\\"'{}[]()<>@#$%&?*+-_~!|0aAé\ud800",
  ...' # | #|a.|a,|a=|{a|{a:|\\\\|\\"|%2|%20|0.|1:|10.0.0.1,|a/|//|eyJ|eyJa.|?token=|Bearer |x-api-key: |a://|a://b:'.split(
    "|",
  ),
  ...'[[|{"a":|"",|[],|a\n|\n |A=1\n|"\n|channel=a&|::|::ffff:1.|W/|W/"a",|--a|\u001b['.split("|"),
];

/** Appended, so that a match that must reach the end fails. */
const endings = ["!", "\u2028\n"];

interface InputPath {
  readonly name: string;
  /** Prepended to the repeated part, for expressions that start with it. */
  readonly prefixes: readonly string[];
  /** Its result does not matter, and it may throw. */
  feed(text: string): unknown;
}

const access = new Access({
  isSecured: true,
  insecure: false,
  chat: false,
  anonymous: true,
  trustUserId: true,
  verifier: makeTokenVerifier({
    secret: "a secret of more than 32 bytes, for this test",
    publicKey: undefined,
    jwksUrl: undefined,
  }),
  rulesOf: () => ({ subscribe: "token", publish: "token", presence: "granted" }),
});
const keys = new ApiKeys(["5f3a9c1e7b2d4068"], { isSecured: true });
const originCheck = new OriginCheck({
  isSecured: false,
  insecure: false,
  corsOrigins: ["https://a.example"],
  host: "127.0.0.1",
});
const budgets = new Budgets(unlimited, systemClock);
const proxies = new TrustedProxies(["10.0.0.0/8", "::1"]);
const cookies = new SessionCookies(
  { cookieSameSite: "strict" },
  { isHttps: () => false, trustsCookie: (request) => originCheck.trustsCookie(request) },
);
const authenticators = { keys, access, budgets, cookies };
const clientEndpoint = { scope: "read", forClients: true } as const;
const page = new Page(
  { page: true, wsPath: "/ws", ssePath: "/sse", isSecured: false, trustUserId: true, anonymous: true, dashboard: true },
  { make: (text, head) => new Response(text, head) },
);
const peer = { ip: "127.0.0.1", remote: "127.0.0.1:1" };
const log = makeLogFormat("{time} {level} {message}");
const redact = makeRedactor(["a secret of this server"]);
const noDependencies = { hub: undefined, access, directory: undefined } as never;

/** `Request` refuses what no header may hold; servers are given what the network let through, so this takes any text. */
function requestWith(headers: Readonly<Record<string, string>>, url = "http://127.0.0.1/"): Request {
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const get = (name: string) => lower.get(name.toLowerCase()) ?? null;
  return { url, method: "GET", headers: { get, has: (name: string) => get(name) !== null } } as unknown as Request;
}

const callWith = (body: string, contentType: string) =>
  ({
    identity: undefined,
    params: { channel: "a" },
    query: new URLSearchParams(),
    body,
    contentType,
    idempotencyKey: body,
  }) as never;

const scheduleWith = (fields: object) => {
  const text = JSON.stringify({ publish: { channel: "a", message: "m" }, ...fields });
  return parseScheduleRequest(parseObject(text, knownScheduleFields), text);
};

const inputPaths: readonly InputPath[] = [
  {
    name: "the cron expression of a schedule",
    prefixes: ["", "* * * * ", "1,", "*/", "MON-", "@"],
    feed: (text) => scheduleWith({ cron: text }),
  },
  {
    name: "the time zone of a schedule",
    prefixes: ["", "Europe/", "+"],
    feed: (text) => scheduleWith({ cron: "* * * * *", tz: text }),
  },
  {
    name: "the times and the id of a schedule",
    prefixes: ["", "2026-01-01T00:00:00.", "2026-01-01T00:00:00+"],
    feed: (text) => {
      parseIsoTime(text);
      return scheduleWith({ id: text, every_s: 1 });
    },
  },
  {
    name: "schedules in the settings file",
    prefixes: ["", "schedules:\n  - id: a\n    cron: "],
    feed: (text) =>
      parseSchedules([{ id: text, cron: text, publish: text }], { maxMessageBytes: 1000, maxSchedules: 9 }),
  },
  {
    name: "the header Authorization of a handshake",
    prefixes: ["", "Bearer ", "Bearer a", "Bearer a.b."],
    feed: (text) => tokenFrom({ url: new URLSearchParams(), authorization: text, subprotocols: [text] }),
  },
  {
    name: "the header Authorization of the HTTP API",
    prefixes: ["", "Bearer ", "Bearer a.b."],
    feed: (authorization) =>
      authenticate(requestWith({ Authorization: authorization }), clientEndpoint, authenticators),
  },
  {
    name: "the header Cookie of the HTTP API",
    prefixes: ["", "fanfare", "fanfare=", "fanfare=a.b."],
    feed: (text) => authenticate(requestWith({ Cookie: text }), clientEndpoint, authenticators),
  },
  {
    name: "X-Forwarded-Proto and Forwarded",
    prefixes: ["", "proto=", "for=1;proto="],
    feed: (text) => [
      proxies.saysHttps("10.0.0.1", requestWith({ "X-Forwarded-Proto": text }).headers),
      proxies.saysHttps("10.0.0.1", requestWith({ Forwarded: text }).headers),
    ],
  },
  { name: "X-API-Key", prefixes: [""], feed: (xApiKey) => keys.check({ authorization: null, xApiKey }, "read") },
  { name: "Host", prefixes: ["", "127.", "a"], feed: (text) => originCheck.refusal(requestWith({ Host: text })) },
  {
    name: "Origin",
    prefixes: ["", "http://", "chrome-"],
    feed: (text) => originCheck.refusal(requestWith({ Host: "localhost", Origin: text })),
  },
  {
    name: "X-Forwarded-For",
    prefixes: ["", "10.0.0.1,", "::ffff:"],
    feed: (text) => proxies.clientOf("10.0.0.1", text),
  },
  { name: "If-None-Match", prefixes: ["", 'W/"'], feed: (text) => page.answer(requestWith({ "If-None-Match": text })) },
  {
    name: "Sec-WebSocket-Protocol",
    prefixes: ["", "fanfare.token."],
    feed: (text) => offeredSubprotocols(requestWith({ "Sec-WebSocket-Protocol": text })),
  },
  {
    name: "Last-Event-ID",
    prefixes: ["", "a~b~1,"],
    feed: (text) => parseHandshake(requestWith({ "Last-Event-ID": text }), peer),
  },
  {
    name: "Content-Type",
    prefixes: ["", "application/"],
    feed: (text) => postMessage(noDependencies, callWith("x", text)),
  },
  {
    name: "the header Cookie of a handshake",
    prefixes: [""],
    feed: (text) => parseHandshake(requestWith({ Cookie: text }), peer),
  },
  {
    name: "the undecoded query of a handshake",
    prefixes: ["", "channel=", "user_id=%"],
    feed: (text) => parseHandshake(requestWith({}, `http://127.0.0.1/ws?${text}`), peer),
  },
  ...["user_id", "channels", "since"].map((name) => ({
    name: `the parameter ${name} of a handshake`,
    prefixes: [""],
    feed: (text: string) =>
      parseHandshake(requestWith({}, `http://127.0.0.1/ws?${name}=${encodeURIComponent(text.toWellFormed())}`), peer),
  })),
  { name: "a token", prefixes: ["", "a.b."], feed: (token) => access.identify({ userId: undefined, token }) },
  { name: "a cursor", prefixes: ["", "a~b~"], feed: (text) => [parseCursor(text), parseSince(text)] },
  { name: "a client's frame", prefixes: ["", "{", '{"a":"'], feed: (text) => decodeClientFrame(text) },
  ...["type", "channel", "event", "sender", "since"].map((field) => ({
    name: `the field ${field} of a client's frame`,
    prefixes: [""],
    feed: (text: string) =>
      decodeClientFrame(JSON.stringify({ type: "publish", channel: "a", data: 1, [field]: text })),
  })),
  {
    name: "a JSON body",
    prefixes: ["", "[", '{"data":'],
    feed: (text) => [parseJson(text, knownPublishFields), parseObject(text, knownPublishFields), checkData(text)],
  },
  {
    name: "the fields of a draft, their names too",
    prefixes: [""],
    feed: (text) => {
      const object = { data: text, event: text, [text]: text, headers: { [text]: text } };
      return parseDraftContent(parseObject(JSON.stringify(object), knownPublishFields));
    },
  },
  {
    name: "a batch",
    prefixes: ["", "[{"],
    feed: (text) => pushBatch(noDependencies, callWith(text, "application/json")),
  },
  { name: "a server's frame", prefixes: ["", "["], feed: (text) => decodeServerFrames(text) },
  {
    name: ".env",
    prefixes: ["", "A=", 'A="', "A='", "A=' '", "export ", "A"],
    feed: (text) => parseDotenv(text),
  },
  // YAML is left out: only the operator writes it, and the library that reads it collects all errors, which is quadratic.
  ...["fanfare.config.json", "fanfare.config.toml"].map((file) => ({
    name: file,
    prefixes: ["", "a: ", "a = "],
    feed: (text: string) =>
      examineSettings({
        env: {},
        flags: new Map(),
        configPath: undefined,
        readText: (path) => (path === file ? text : undefined),
      }),
  })),
  // One by one: all of them together take a good part of the time that one may take.
  ...declarations.map(({ name, option }) => ({
    name: `the value of ${name}`,
    prefixes: ["/"],
    feed: (text: string) => [option.parse(text), option.foreign?.test(text)],
  })),
  {
    name: "a rule's pattern",
    prefixes: [""],
    feed: (match) => parseChannelRules([{ match }, { match: "a", [match]: 1 }]),
  },
  {
    name: "a misspelt name",
    prefixes: [""],
    feed: (text) =>
      nearest(
        text,
        declarations.map(({ name }) => name),
      ),
  },
  {
    name: "a line of the log",
    prefixes: ["", "eyJ"],
    feed: (text) =>
      redact(log({ category: ["a"], level: "info", message: [text], rawMessage: text, timestamp: 0, properties: {} })),
  },
  { name: "a line typed into the chat", prefixes: ["", "/"], feed: (text) => parseChatInput(text) },
  { name: "text shown on a terminal", prefixes: [""], feed: (text) => printable(text) },
  { name: "an argument in a shell command", prefixes: [""], feed: (text) => shellWord(text) },
];

describe("64 KiB of any text take linear time", () => {
  const baselineMs = quickest(() => readOften("x".repeat(size)));

  test.each(inputPaths.map((it) => [it.name, it] as const))("in %s", (_, { prefixes, feed }) => {
    for (const text of texts(prefixes)) {
      const ms = quickest(() => fed(feed, text), baselineMs);
      expect([shown(text), ms]).toEqual([shown(text), Math.min(ms, baselineMs)]); // Stops at the first slow one.
    }
  });

  test("control: a regular expression that once parsed tokens takes more than linear time", () => {
    const text = `Bearer x${" ".repeat(size)}y`;
    expect(quickest(() => /^Bearer +(.*?) *$/i.test(text), Infinity)).toBeGreaterThan(baselineMs);
  });
});

function* texts(prefixes: readonly string[]): Generator<string> {
  for (const unit of units) {
    for (const prefix of prefixes) {
      for (const ending of endings) {
        yield prefix + unit.repeat(Math.ceil(size / unit.length)).slice(0, size) + ending;
      }
    }
  }
}

function shown(text: string): string {
  return JSON.stringify(`${text.slice(0, 30)}…${text.slice(-10)}`);
}

/** The measure: a plain loop over the text, 3000 times. A quadratic reader looks at each character 32,000 times. */
function readOften(text: string): number {
  let sum = 0;
  for (let time = 0; time < 3000; time++) for (let at = 0; at < text.length; at++) sum += text.charCodeAt(at);
  return sum;
}

function fed(feed: InputPath["feed"], text: string): void {
  try {
    const answer = feed(text);
    if (answer instanceof Promise) answer.catch(() => undefined);
  } catch {
    // Most of them throw.
  }
}

/** Processor time: the best of five, since other programs use the same caches. A run that is fast enough is not repeated. */
function quickest(run: () => unknown, enoughMs = 0): number {
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 5 && best > enoughMs; time++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}
