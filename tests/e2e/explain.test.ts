import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeToken } from "../../server/auth/token.ts";
import { Shared } from "../shared.ts";
import { apiKey, jwtSecret } from "./healthy-users.ts";
import { ProgramUnderTest } from "./program.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const rules = `
channels:
  - { match: "news:*", subscribe: anyone, publish: nobody, presence: off }

  - match: "room:*"
    subscribe: authenticated
`;
const folder = mkdtempSync(join(tmpdir(), "fanfare-explain-"));
let server: ServerUnderTest;
const shared = new Shared();
beforeAll(async () => {
  writeFileSync(join(folder, "fanfare.config.yaml"), rules);
  server = await shared.use(startServer({ cwd: folder, env: { API_KEY: apiKey, JWT_SECRET: jwtSecret } }));
});
afterAll(async () => {
  await shared.close();
  rmSync(folder, { recursive: true, force: true });
});

const hookSecret = "whsec_oC0hdAwDWHq2xC4vTkVTCpRlSz8AOx4/hDZjf9ONn/8=";
const asOperator = { Authorization: `Bearer ${apiKey}` };
interface Answer {
  readonly rights: Readonly<Record<string, { readonly granted: boolean; readonly sees?: string } | undefined>>;
}
const request = (query: string, token?: string) =>
  server.request("GET", `/v1/explain?${query}`, undefined, {
    ...asOperator,
    ...(token === undefined ? {} : { "X-User-Token": token }),
  });

const explained = async (query: string, token?: string) => (await (await request(query, token)).json()) as Answer;

type Granted = Parameters<typeof makeToken>[0];
const tokenOf = (more: Partial<Granted>) =>
  makeToken({ secret: jwtSecret, sub: "alice", subscribe: [], publish: [], expiresInS: 600, ...more });

/** The rights of a client with this token, found out by using each of them. */
async function tried(token: string, channel: string) {
  using socket = await SocketUnderTest.open(`${server.wsUrl}?token=${token}`);
  const answers = ["subscribe", "publish", "history", "presence"].map((type) => {
    socket.send({ type, channel, ref: type, ...(type === "publish" ? { data: 1 } : {}) });
    return socket.until(({ ref }) => ref === type);
  });
  const done = await Promise.all(answers);
  const [subscribe, publish, history] = done.map(({ type }) => type !== "error");
  const presence = done[3];
  const sees = presence?.type === "error" ? "nothing" : presence?.users === undefined ? "count" : "users";
  return { subscribe, publish, history, sees };
}

describe("GET /v1/explain says what the server does", () => {
  test.each<[string, Partial<Granted>, string]>([
    ["no grant", {}, "hall"],
    ["a grant to subscribe", { subscribe: ["hall"] }, "hall"],
    ["a grant to publish", { publish: ["hall"] }, "hall"],
    ["a grant to subscribe without presence", { subscribe: ["*"], presence: [] }, "hall"],
    ["a grant for presence alone", { presence: ["room:*"] }, "room:1"],
    ["a rule that asks for a user", {}, "room:1"],
    ["a rule that forbids publishing and presence", { subscribe: ["*"], publish: ["*"] }, "news:1"],
    ["everything, in all", { subscribe: ["*"], publish: ["*"] }, "all"],
    ["nothing, in all", {}, "all"],
    ["a user's own channel", {}, "@alice"],
    ["another user's channel", { subscribe: ["*"], publish: ["*"] }, "@bob"],
  ])("with %s", async (_, granted, channel) => {
    const token = await tokenOf(granted);
    const { rights } = await explained(`user=alice&channel=${channel}`, token);
    expect({
      subscribe: rights.subscribe?.granted,
      publish: rights.publish?.granted,
      history: rights.history?.granted,
      sees: rights.presence?.sees,
    }).toEqual(await tried(token, channel));
    expect(rights.presence?.granted).toBe(rights.presence?.sees === "users");
    expect(rights.connect).toMatchObject({ granted: true, source: "token" });
  });

  test("without a token: nobody connects without one here", async () => {
    const answer = await explained("user=alice&channel=room:1");
    expect(answer).toMatchObject({
      user: "alice",
      channel: "room:1",
      mode: "secured",
      rights: {
        connect: { granted: false, source: "setting", rule: "TRUST_USER_ID=off" },
        subscribe: { granted: true, place: "channels[1] (fanfare.config.yaml, line 5)" },
        publish: { granted: false, source: "default" },
      },
    });
    expect((await explained("channel=room:1")).rights.subscribe).toMatchObject({ granted: false });
  });

  test("of a blocked user", async () => {
    await server.request("POST", "/v1/users/mallory/block", undefined, asOperator);
    const { rights } = await explained("channel=all", await tokenOf({ sub: "mallory" }));
    expect(rights.connect).toMatchObject({ granted: false, source: "block" });
  });

  test.each([
    ["user=alice", undefined, "channel"],
    ["user=alice&channel=room:*", undefined, "channel"],
    ["user=a%0Ab&channel=room:1", undefined, "user"],
    ["user=bob&channel=room:1", "token of alice", "user"],
    ["user=alice&channel=room:1", "no token", "X-User-Token"],
    ["user=alice&channel=room:1", "expired", "X-User-Token"],
  ])("%s with %p is refused, and the error names %s", async (query, kind, field) => {
    const expired = () =>
      makeToken({ secret: jwtSecret, sub: "alice", subscribe: [], publish: [], expiresInS: 1 }, { now: () => 0 });
    const token = kind === "token of alice" ? await tokenOf({}) : kind === "expired" ? await expired() : kind;
    const response = await request(query, token);
    expect([response.status, await response.json()]).toMatchObject([422, { code: "invalid-field", field }]);
  });

  test("with hooks: the subscribe hook is asked, the connect hook is named", async () => {
    const asked: unknown[] = [];
    const withHooks = join(folder, "hooks");
    mkdirSync(withHooks);
    writeFileSync(join(withHooks, "fanfare.config.yaml"), 'channels: [{ match: "doc:*", subscribe: hook }]');
    using application = Bun.serve({
      port: 0,
      fetch: async (received) => {
        const { type, data } = (await received.json()) as { type: string; data: { channel: string } };
        asked.push([type, data.channel]);
        return Response.json({ allow: data.channel === "doc:1" });
      },
    });
    const hookUrl = `http://127.0.0.1:${application.port}/`;
    const hooks = { CONNECT_HOOK_URL: hookUrl, SUBSCRIBE_HOOK_URL: hookUrl, HOOK_PRIVATE_ADDRESSES: "on" };
    await using server = await startServer({
      cwd: withHooks,
      env: { API_KEY: apiKey, JWT_SECRET: jwtSecret, HOOK_SECRET: hookSecret, ...hooks },
    });
    const headers = { ...asOperator, "X-User-Token": await tokenOf({}) };
    const explainDoc = async (channel: string) => {
      const answer = await server.request("GET", `/v1/explain?channel=${channel}`, undefined, headers);
      return ((await answer.json()) as Answer).rights;
    };
    const because = expect.stringMatching(
      /^the token is valid until .*; the connect hook is asked when .* may refuse it$/,
    );
    expect(await explainDoc("doc:1")).toMatchObject({
      connect: { granted: true, source: "token", because },
      subscribe: { granted: true, source: "hook" },
    });
    expect(await explainDoc("doc:2")).toMatchObject({ subscribe: { granted: false, source: "hook" } });
    expect(asked).toEqual([
      ["subscribe", "doc:1"],
      ["subscribe", "doc:2"],
    ]);
  });

  test("to operators only", async () => {
    const path = "/v1/explain?user=alice&channel=room:1";
    expect((await server.request("GET", path)).status).toBe(401);
    const asAlice = { Authorization: `Bearer ${await tokenOf({ subscribe: ["*"] })}` };
    expect((await server.request("GET", path, undefined, asAlice)).status).toBe(401);
  });
});

test("fanfare explain prints the rule behind each right", async () => {
  const path = join(folder, "alice.jwt");
  writeFileSync(path, `${await tokenOf({ publish: ["room:*"], presence: ["room:1"] })}\n`);
  const args = ["explain", "alice", "room:1", "--token-file", path, "--url", server.url];
  await using program = new ProgramUnderTest(args, { env: { API_KEY: apiKey } });
  const { code, out, err } = await program.ended();
  expect([code, err]).toEqual([0, ""]);
  expect(out.replace(/until \S+/, "until …").split("\n")).toEqual([
    "alice in room:1 (secured server)",
    "connect    yes    the token is valid until …",
    "subscribe  yes    every client with a user may",
    '                  match: "room:*", subscribe: authenticated: channels[1] (fanfare.config.yaml, line 5)',
    "publish    yes    the token grants it",
    `                  "room:*": the token's claim publish or channels`,
    "history    yes    every client with a user may",
    '                  match: "room:*", subscribe: authenticated: channels[1] (fanfare.config.yaml, line 5)',
    "presence   yes    the token grants it",
    `                  "room:1": the token's claim presence`,
    "",
  ]);
});
