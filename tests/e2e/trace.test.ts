import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createToken } from "../../client/publisher/token.ts";
import { makeToken } from "../../server/auth/token.ts";
import { Shared } from "../shared.ts";
import { until } from "../waiting.ts";
import { apiKey, jwtSecret } from "./healthy-users.ts";
import { ProgramUnderTest, runProgram } from "./program.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const env = { API_KEY: apiKey, JWT_SECRET: jwtSecret, WORKERS: "2" };
const bearer = { Authorization: `Bearer ${apiKey}` };
let server: ServerUnderTest;
const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer({ env }));
});
afterAll(() => shared.close());

interface Trace {
  readonly summary: string;
  readonly complete: boolean;
  readonly connections: readonly { readonly verdict: string; readonly sentence: string; readonly worker: string }[];
  readonly refusals: readonly { readonly code: string; readonly action: string }[];
}

async function trace(query: string): Promise<Trace> {
  const response = await server.request("GET", `/v1/trace?${query}`, undefined, bearer);
  expect(response.status).toBe(200);
  return (await response.json()) as Trace;
}

async function connect(user: string): Promise<SocketUnderTest> {
  const token = await makeToken({ secret: jwtSecret, sub: user, subscribe: ["room:1"], publish: [], expiresInS: 3600 });
  return SocketUnderTest.open(`${server.wsUrl}?channel=room:1&token=${token}`);
}

const publish = async (body: object) => {
  expect((await server.request("POST", "/v1/publish", body, bearer)).status).toBe(200);
};

describe("a trace over workers", () => {
  test("explains a message that arrived, one that was not allowed, and one that came too late", async () => {
    const socket = await connect("alice");
    await publish({ channel: "room:1", message: "hello", id: "m7" });
    await socket.until(({ id }) => id === "m7");
    const arrived = await trace("user=alice&channel=room:1&id=m7");
    expect(arrived).toMatchObject({ complete: true, connections: [{ verdict: "drained" }] });
    expect(arrived.connections[0]?.worker).toMatch(/^worker [12]$/);

    socket.send({ type: "subscribe", channel: "room:2" });
    await socket.until(({ type }) => type === "error");
    await publish({ channel: "room:2", message: "hello", id: "m8" });
    const [refused] = (await trace("user=alice&channel=room:2&id=m8")).connections;
    expect(refused?.verdict).toBe("refused");
    expect(refused?.sentence).toContain(`the token needs "subscribe":["room:2"]`);

    socket.close();
    await until(async () => {
      const [ended] = (await trace("user=alice&channel=room:1&id=m7")).connections;
      return ended?.verdict === "sent-before-end";
    }, "the connection has ended");
    await publish({ channel: "room:1", message: "too late", id: "m9" });
    const [gone] = (await trace("user=alice&channel=room:1&id=m9")).connections;
    expect(gone?.verdict).toBe("gone");
  });

  test("knows users that were refused, and says so if there is nobody", async () => {
    const refused = new SocketUnderTest(`${server.wsUrl}?user_id=bob`, { headers: { Origin: server.url } });
    await refused.untilClosed();
    const { summary, connections, refusals } = await trace("user=bob");
    expect(summary).toContain("bob has no connection to this server, and none that ended recently.");
    expect([connections, refusals]).toMatchObject([[], [{ action: "connect", code: "unauthorized" }]]);
  });

  test("knows the user of an expired token", async () => {
    const old = await createToken({ userId: "eve", secret: jwtSecret, expiresInS: 1 }, Date.now() - 3_600_000);
    await new SocketUnderTest(`${server.wsUrl}?token=${old}`).untilClosed();
    const { refusals } = await trace("user=eve");
    expect(refusals).toMatchObject([{ action: "connect", code: "token-expired" }]);
  });

  test("is printed by the command line", async () => {
    const args = ["trace", "--user", "alice", "--channel", "room:1", "--url", server.url, "--api-key", apiKey];
    const { code, out } = await runProgram(args);
    expect(code).toBe(0);
    expect(out).toContain("m9 is offset 2 of room:1");
    expect(out).toMatch(/^gone: c_\S+ of alice ended at /m);
  });

  test.each([
    ["", "expected user or connection"],
    ["user=a&id=1&offset=1", "expected id or offset"],
    ["user=a&offset=0", "offset: expected a whole number from 1"],
    ["user=a&channel=a*", "channel: expected"],
    ["user=a&chanel=b", 'Did you mean "channel"?'],
  ])("refuses ?%s", async (query, message) => {
    const response = await server.request("GET", `/v1/trace?${query}`, undefined, bearer);
    expect([response.status, ((await response.json()) as { detail: string }).detail]).toEqual([
      400,
      expect.stringContaining(message),
    ]);
  });
});

test("a tail prints the events of all workers, filtered, and the log says the same", async () => {
  const args = ["tail", "--channel", "room:*", "--json", "--url", server.url, "--api-key", apiKey];
  await using program = new ProgramUnderTest(args);
  await program.until(/Watching/);
  using one = await connect("carol");
  using two = await connect("dave");
  // Until both workers feed the tail.
  await until(async () => {
    for (const body of [{ channel: "room:1" }, { channel: "news" }]) await publish({ ...body, message: "x" });
    one.send({ type: "subscribe", channel: "room:2" });
    two.send({ type: "subscribe", channel: "room:2" });
    return /"published"/.test(program.output) && /"refused".*carol/.test(program.output) && /dave/.test(program.output);
  }, "both workers feed the tail");
  const lines = program.output.trim().split("\n");
  const events = lines.map((line) => JSON.parse(line) as { channel: string });
  expect(new Set(events.map(({ channel }) => channel))).toEqual(new Set(["room:1", "room:2"]));
  expect(server.output).toMatch(/INFO \| worker [12]: Client connected: 127\.0\.0\.1:\d+ \(c_\S+, user carol\)\./);
  expect(server.output).toMatch(/INFO \| worker [12]: Refused subscribe from 127\.0\.0\.1:\d+: forbidden: not allowed/);
});

test("a tail needs a key, and refuses unknown parameters", async () => {
  expect((await server.request("GET", "/v1/tail")).status).toBe(401);
  for (const query of ["kind=publish", "channel=a*b", "chanel=a"]) {
    const response = await server.request("GET", `/v1/tail?${query}`, undefined, bearer);
    expect([response.status, await response.text()]).toEqual([400, expect.stringMatching(/expected|Did you mean/)]);
  }
});
