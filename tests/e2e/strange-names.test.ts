import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkEventStream } from "../fuzz/texts.ts";
import { Shared } from "../shared.ts";
import { RawSocket } from "./raw-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

let server: ServerUnderTest;
const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer());
});
afterAll(() => shared.close());

const read = async (path: string) => (await (await server.request("GET", path)).json()) as Record<string, unknown>;

describe("a name that every object has", () => {
  test.each(["__proto__", "constructor", "hasOwnProperty", "toString"])(
    "%s is a channel, a user and an id",
    async (name) => {
      using socket = await SocketUnderTest.open(`${server.wsUrl}?user_id=${name}&channel=${name}`);
      expect(socket.welcome.user_id).toBe(name);
      expect(Object.entries(socket.welcome.channels as object).map(([it]) => it)).toContain(name);
      const publication = { channel: name, id: name, data: { [name]: 1 }, headers: JSON.parse(`{"${name}":"h"}`) };
      const first = await server.request("POST", "/v1/publish", publication);
      const second = await server.request("POST", "/v1/publish", publication);
      expect([await first.json(), await second.json()]).toMatchObject([{ duplicate: false }, { duplicate: true }]);
      expect(await socket.until(({ type }) => type === "message")).toMatchObject({ channel: name, id: name });
      expect(socket.texts.join()).toContain(`"headers":{"${name}":"h"}`);
      expect(await read(`/v1/channels/${name}/presence`)).toMatchObject({ count: 1, users: [name] });
      const pushed = await server.request("POST", "/sse/push", { user_id: name, data: 1, event_id: name });
      expect(await pushed.json()).toMatchObject({ status: "success" });
      const { messages } = await read(`/v1/channels/${name}/history?since=earliest`);
      expect(messages).toMatchObject([{ id: name }]);
    },
  );
});

describe("half a surrogate pair", () => {
  test.each(["channel", "user_id", "id", "sender", "event", "key"])("is refused in %s", async (field) => {
    const body = `{"${field === "user_id" ? "user_id" : "channel"}":"a","data":1,"${field}":"a\\ud800"}`;
    const response = await fetch(`${server.url}/v1/publish`, { method: "POST", body });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([422, "invalid-field"]);
  });

  test.each(["user_id=a%ED%A0%80", "channel=a%ED%A0%80"])("is not a name in the query %s", async (query) => {
    using socket = new SocketUnderTest(`${server.wsUrl}?${query}`, { protocols: ["fanfare.v1"] });
    await socket.until(({ event }) => event === "welcome").catch(() => undefined);
    // The decoder of the query replaces it, so at most it is another name.
    expect(JSON.stringify(socket.frames)).not.toMatch(/\\ud800/i);
  });
});

describe("text that is a line break for some reader", () => {
  const breaks = "a\u2028b\u2029c\u0085d";

  test("makes no line of an event stream", async () => {
    using stream = await RawSocket.connect(server.port);
    stream.write(`GET /sse?channel=lines HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
    await stream.untilReceived(/welcome/);
    const draft = { channel: "lines", message: `${breaks}\r\ndata: forged`, data: { [breaks]: breaks } };
    expect((await server.request("POST", "/v1/publish", draft)).status).toBe(200);
    await stream.untilReceived(/forged[^\n]*\n/);
    const received = Buffer.from(stream.received.slice(stream.received.indexOf("\r\n\r\n") + 4), "latin1").toString();
    // Without the lines of the chunked encoding, and the comments that keep the stream open.
    checkEventStream(received.replaceAll(/^[0-9a-f]+\r\n|\r\n/gm, ""));
  });

  test("makes no line of the log", async () => {
    using socket = await SocketUnderTest.open(server.wsUrl);
    const before = server.output.length;
    socket.send({ type: "message", message: "m", sender: `Eve${breaks.slice(1)}` });
    socket.send({ type: "message", message: "m", sender: "Bob" });
    await server.untilLogged(/from Bob/);
    const lines = server.output.slice(before).split(/[\n\u2028\u2029\u0085]/);
    expect(lines.filter((line) => line !== "" && !/^\d{4}-\d\d-\d\d /.test(line))).toEqual([]);
  });

  test.each(["user_id=a%0Ab", "user_id=a%C2%85b", "channel=a%E2%80%A8b%20c"])(
    "%s is refused or kept in one line",
    async (query) => {
      const before = server.output.length;
      using socket = new SocketUnderTest(`${server.wsUrl}?${query}`, { protocols: ["fanfare.v1"] });
      await socket.until(({ event }) => event === "welcome").catch(() => undefined);
      const lines = server.output.slice(before).split(/[\n\u2028\u2029\u0085]/);
      expect(lines.filter((line) => line !== "" && !/^\d{4}-\d\d-\d\d /.test(line))).toEqual([]);
    },
  );
});

describe("a user whom a request cannot name", () => {
  test.each([
    ["POST", "/v1/users/Zo%EB/block", undefined],
    ["DELETE", "/v1/users/Zo%EB/connections", undefined],
    ["DELETE", `/v1/users/${"u".repeat(129)}/connections`, "id"],
    ["GET", "/v1/connections?user_id=Zo%EB", undefined],
    ["GET", "/v1/trace?user=Zo%EB", undefined],
    ["GET", "/v1/tail?user=a%0Ab", "user"],
    ["GET", "/v1/tail?user=Zo%EB", undefined],
    ["GET", "/sse?user_id=a%0Ab", "user_id"],
  ] as const)("is an error: %s %s", async (method, path, field) => {
    const response = await server.request(method, path);
    expect(response.status).toBe(400);
    const body = (await response.json()) as { code: string; field?: string };
    expect(body.code).toBe("bad-request");
    expect(body.field).toBe(field);
  });
});
