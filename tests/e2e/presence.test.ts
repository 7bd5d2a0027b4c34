import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeToken } from "../../server/auth/token.ts";
import { Shared } from "../shared.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";

const secret = "a secret of thirty-two bytes or more";
const key = "read-key-of-sixteen-and-more";
const config = `
channels:
  - { match: "hidden:*", subscribe: anyone, presence: off }
  - { match: "shown:*", subscribe: anyone, presence: on }
  - { match: "*", subscribe: anyone }
`;
let cwd: string;
let server: ServerUnderTest;
let token: string;

const shared = new Shared();
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "fanfare-presence-"));
  writeFileSync(join(cwd, "fanfare.config.yaml"), config);
  server = await shared.use(startServer({ cwd, env: { JWT_SECRET: secret, API_KEY: key, ANONYMOUS: "on" } }));
  token = await makeToken({ secret, sub: "alice", subscribe: ["room:*", "all"], publish: [], expiresInS: 60 });
});
afterAll(async () => {
  await shared.close();
  rmSync(cwd, { recursive: true, force: true });
});

const asked = async (socket: SocketUnderTest, channel: string): Promise<Frame> => {
  const ref = `presence of ${channel}`;
  socket.send({ type: "presence", channel, ref });
  const { ref: _, ...answer } = await socket.until((it) => it.ref === ref);
  return answer;
};
const httpAnswer = async (channel: string, credential: string) => {
  const path = `/v1/channels/${encodeURIComponent(channel)}/presence`;
  const response = await server.request("GET", path, undefined, { Authorization: `Bearer ${credential}` });
  return [response.status, (await response.json()) as Frame] as const;
};

describe("on a secured server", () => {
  const channels = ["hidden:1", "shown:1", "room:1", "other"];
  const query = channels.map((it) => `channel=${it}`).join("&");

  test("a client without a grant sees the counts of `all` and a channel, and no user IDs", async () => {
    using alice = await SocketUnderTest.open(`${server.wsUrl}?${query}&token=${token}`);
    using visitor = await SocketUnderTest.open(`${server.wsUrl}?${query}`);
    const seen = (channel: string) => asked(visitor, channel);
    expect(await seen("all")).toEqual({ type: "presence", channel: "all", count: 2 });
    expect(await seen("room:1")).toEqual({ type: "presence", channel: "room:1", count: 2 });
    expect(await seen("shown:1")).toMatchObject({ count: 2, users: ["alice"], members: [{}, { user_id: "alice" }] });
    expect(await seen("hidden:1")).toMatchObject({ type: "error", code: "forbidden" });
    expect(JSON.stringify(visitor.frames.filter((it) => it.channel !== "shown:1"))).not.toContain("alice");

    const granted = (channel: string) => asked(alice, channel);
    expect(await granted("all")).toMatchObject({ count: 2, users: ["alice"] });
    expect(await granted("room:1")).toMatchObject({ count: 2, users: ["alice"] });
    expect(await granted("other")).toEqual({ type: "presence", channel: "other", count: 2 });
    expect(await granted("hidden:1")).toMatchObject({ type: "error", code: "forbidden" });
  });

  test("the same applies over HTTP; an API key sees users unless presence is off", async () => {
    using _ = await SocketUnderTest.open(`${server.wsUrl}?${query}&token=${token}`);
    expect(await httpAnswer("room:1", token)).toMatchObject([200, { count: 1, users: ["alice"] }]);
    expect(await httpAnswer("other", token)).toEqual([200, { channel: "other", count: 1 }]);
    expect(await httpAnswer("other", key)).toMatchObject([200, { count: 1, users: ["alice"] }]);
    for (const credential of [token, key]) {
      const [status, body] = await httpAnswer("hidden:1", credential);
      expect([status, body.code]).toEqual([403, "forbidden"]);
      expect(body.detail).toContain("presence is off");
    }
  });
});
