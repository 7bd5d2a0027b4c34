import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Shared } from "../shared.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";

let server: ServerUnderTest;
const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer());
});
afterAll(() => shared.close());

const ask = async (method: "GET" | "POST" | "DELETE", path: string, body?: unknown) => {
  const response = await server.request(method, path, body);
  return { status: response.status, body: (await response.json()) as Frame };
};

describe("the API refuses unknown names", () => {
  test.each([
    ["GET", "/v1/channels?prefx=a", undefined, 400, "prefx", '"prefix"'],
    ["GET", "/v1/channels/a?prefix=a", undefined, 400, "prefix", "None are allowed here"],
    ["GET", "/v1/channels/a/history?limt=1", undefined, 400, "limt", '"limit"'],
    ["GET", "/v1/channels/a/presence?pge=1", undefined, 400, "pge", '"page"'],
    ["GET", "/v1/connections?userid=u", undefined, 400, "userid", '"user_id"'],
    ["DELETE", "/v1/users/u/connections?all=1", undefined, 400, "all", "None are allowed here"],
    ["GET", "/v1/nodes?id=1", undefined, 400, "id", "None are allowed here"],
    ["POST", "/v1/channels/a/messages?ephemeral=1", "m", 400, "ephemeral", "None are allowed here"],
    ["POST", "/v1/publish", { channel: "a", data: 1, emphemeral: true }, 422, "emphemeral", '"ephemeral"'],
    ["POST", "/v1/publish", { chanel: "a", data: 1 }, 422, "chanel", '"channel"'],
    ["POST", "/v1/publish", { channel: "a", data: 1, delays: 5 }, 422, "delays", '"delay_s"'],
    ["POST", "/v1/schedules", { publish: { channel: "a", data: 1 }, evry_s: 5 }, 422, "evry_s", '"every_s"'],
    ["POST", "/v1/schedules", { publish: { chanel: "a" }, every_s: 5 }, 422, "publish.chanel", '"channel"'],
    ["GET", "/v1/schedules?prefx=a", undefined, 400, "prefx", '"prefix"'],
    ["POST", "/v1/schedules/s/pause", { until: 5 }, 422, "until", "None are allowed here"],
    ["POST", "/v1/schedules/s/trigger", { data: 5 }, 422, "data", "None are allowed here"],
    ["POST", "/v1/drain", { grace_s: 5 }, 422, "grace_s", "None are allowed here"],
    ["DELETE", "/v1/users/u/block", { reason: "r" }, 422, "reason", "None are allowed here"],
    ["DELETE", "/v1/users/u/connections", { channel: "a" }, 422, "channel", "None are allowed here"],
    ["DELETE", "/v1/session", { all: true }, 422, "all", "None are allowed here"],
  ] as const)("%s %s %j", async (method, path, body, status, field, hint) => {
    const answer = await ask(method, path, body);
    expect(answer).toMatchObject({ status, body: { field, detail: expect.stringContaining(hint) } });
  });

  test.each([
    ["/v1/channels/a/history?limit=1&limit=2", "limit"],
    ["/v1/channels?prefix=a&prefix=b", "prefix"],
    ["/v1/stats?after=1&after=2", "after"],
    ["/v1/tail?channel=a&channel=b", "channel"],
    ["/sse?since=last:1&since=last:2", "since"],
    ["/sse?user_id=a&user_id=b", "user_id"],
    ["/sse?heartbeat=1&heartbeat=2", "heartbeat"],
  ])("and a parameter that is there twice: %s", async (path, field) => {
    const detail = `${field}: expected once, got 2 times`;
    expect(await ask("GET", path)).toMatchObject({ status: 400, body: { code: "bad-request", field, detail } });
  });

  test("nothing was stored", async () => {
    expect((await ask("GET", "/v1/channels?prefix=a")).body).toEqual({ channels: [] });
  });
});

describe("clients that may be older or newer than the server get warnings", () => {
  test("pushing works, and the answer names the field", async () => {
    const pushed = await ask("POST", "/sse/push?x=1", { user_id: "u", data: 1, evnt_type: "order" });
    expect(pushed).toMatchObject({
      status: 200,
      body: {
        status: "partial",
        warnings: [
          'unknown parameter "x". None are allowed here.',
          'unknown field "evnt_type". Did you mean "event_type"?',
        ],
      },
    });
    const later = await ask("POST", "/sse/push", { user_id: "u", data: 2, delay_s: 60, at: "2040-01-01T00:00:00Z" });
    const warnings = ["delay_s", "at"].map((name) => expect.stringContaining(`unknown field "${name}"`));
    expect(later).toMatchObject({ status: 200, body: { status: "partial", warnings } });
    expect(await ask("GET", "/v1/channels/@u")).toMatchObject({ body: { offset: 2 } }); // it is not late, as docs/schedules.md says
    const batch = await ask("POST", "/sse/push/batch", [
      { user_id: "u", data: 1 },
      { user_id: "u", dta: 1, data: 2 },
    ]);
    expect(batch.body.results).toMatchObject([{}, { warnings: ['unknown field "dta". Did you mean "data"?'] }]);
    expect((batch.body.results as Frame[])[0]).not.toHaveProperty("warnings");
    const plain = await ask("POST", "/sse/push", { user_id: "u", data: 1 });
    expect(Object.keys(plain.body)).toEqual(["status", "message"]);
  });

  test("a handshake succeeds, and the welcome names the parameter", async () => {
    using socket = await SocketUnderTest.open(`${server.wsUrl}?chanel=a`);
    expect(socket.welcome.warnings).toEqual(['unknown parameter "chanel". Did you mean "channel"?']);
    using other = await SocketUnderTest.open(`${server.wsUrl}?channel=a`);
    expect(other.welcome).not.toHaveProperty("warnings");
  });

  test("health checks and metrics ignore unknown parameters", async () => {
    for (const path of ["/health?_=1", "/livez?_=1", "/readyz?_=1", "/metrics?_=1"]) {
      expect([path, (await ask("GET", path)).status]).toEqual([path, 200]);
    }
  });
});

test("a wildcard subscription is refused with the reason and the alternative", async () => {
  using socket = await SocketUnderTest.open(server.wsUrl);
  socket.send({ type: "subscribe", channel: "room:*", ref: 1 });
  const { message } = await socket.until((it) => it.ref === 1);
  expect(message).toContain("patterns with * are for tokens and channel rules");
  expect(message).toContain("Name each channel, or publish to one that all of them join");
});
