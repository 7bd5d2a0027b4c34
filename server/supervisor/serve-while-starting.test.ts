import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { StreamUnderTest } from "../../tests/e2e/stream.ts";
import { serveWhileStarting } from "./serve-while-starting.ts";

const origin = "http://localhost:5173";
let server: ReturnType<typeof serveWhileStarting>;

beforeEach(() => {
  const open = { isSecured: false, insecure: false, corsOrigins: undefined };
  server = serveWhileStarting({ host: "127.0.0.1", port: 0, tlsCert: undefined, tlsKey: undefined, ...open });
});
afterEach(() => server.stop(true));

const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;

describe("while the workers start, the server", () => {
  test("answers a stream with 200, a retry time and the end, so that an EventSource reconnects", async () => {
    using stream = await StreamUnderTest.connect(url("/sse?channel=a"), { Origin: origin });
    await stream.untilEnded();
    expect(stream.response.status).toBe(200);
    expect(stream.response.headers.get("Content-Type")).toStartWith("text/event-stream");
    expect(stream.response.headers.get("Access-Control-Allow-Origin")).toBe(origin);
    const retry = Number(stream.blocks[0]?.retry);
    expect(retry >= 300 && retry <= 1500).toBe(true);
    expect(stream.frames).toEqual([
      { type: "system", event: "closing", code: 4053, reason: "the server is starting", reconnect_after_ms: retry },
    ]);
    expect(stream.blocks[0]?.id).toBeUndefined();
  });

  test.each([
    ["POST", "/v1/publish"],
    ["GET", "/readyz"],
    ["GET", "/ws"],
    ["POST", "/sse"],
  ])("answers %s %s with 503, a problem document and a retry time, and closes the connection", async (method, path) => {
    const response = await fetch(url(path), { method });
    const { headers, status } = response;
    expect([status, headers.get("Retry-After"), headers.get("Connection")]).toEqual([503, "1", "close"]);
    expect(headers.get("Content-Type")).toStartWith("application/problem+json");
    expect(await response.json()).toMatchObject({ code: "starting", retry_after_ms: 1000 });
  });

  test("closes a browser's WebSocket with a code that allows a reconnect", async () => {
    const socket = new WebSocket(url("/ws").replace("http", "ws"), { headers: { Origin: origin } });
    const { promise, resolve } = Promise.withResolvers<CloseEvent>();
    socket.onclose = resolve;
    expect(await promise).toMatchObject({ code: 4053, reason: "the server is starting" });
  });

  test("refuses the origins that the workers would refuse", async () => {
    for (const path of ["/sse", "/v1/publish"]) {
      const response = await fetch(url(path), { headers: { Origin: "https://elsewhere.example" } });
      expect([response.status, response.headers.get("Access-Control-Allow-Origin")]).toEqual([403, null]);
    }
    const preflight = await fetch(url("/v1/publish"), { method: "OPTIONS", headers: { Origin: origin } });
    expect([preflight.status, preflight.headers.get("Access-Control-Allow-Origin")]).toEqual([204, origin]);
  });
});
