import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { decodeServerFrames, type IncomingFrame } from "../protocol/client-codec.ts";
import { checkCursorFits } from "../server/transport/sse/stream-request.ts";
import { askedWait } from "./backoff.ts";
import { createClient } from "./client.ts";
import type { CloseInfo } from "./close-info.ts";
import { cursorPart } from "./cursor.ts";
import { makeSse } from "./sse.ts";
import type { Target, Transport } from "./transport.ts";
import { makeWebSocket } from "./websocket.ts";

type Answer = (request: Request) => Response | Promise<Response>;

/** The event stream as the SDK makes it. */
const makeStream = () => makeSse(decodeServerFrames, cursorPart);

let site: Bun.Server<undefined> | undefined;

afterEach(async () => {
  await site?.stop(true);
  site = undefined;
});

describe("a stream", () => {
  test("is read however it is split into chunks, and ends with the code of its last event", async () => {
    const text =
      'retry: 9\nevent: system\ndata: {"type":"system","event":"joined","message":"ü"}\nid: x\n\n:\nretry: 700\nevent: system\n' +
      'data: {"type":"system","event":"closing","code":1012,"reason":"the server is restarting","reconnect_after_ms":700}\n\n';
    const bytes = new TextEncoder().encode(text);
    const pieces = Array.from(bytes, (byte) => new Uint8Array([byte]));
    const { frames, ended } = run(makeStream(), () => new Response(streamOf(pieces)));
    expect(await ended).toEqual({ code: 1012, reason: "the server is restarting", retryAfterMs: 700 });
    expect(frames).toMatchObject([{ type: "system", event: "joined", message: "ü" }]);
  });

  test.each([undefined, 5, "@bob"])("refuses to subscribe to %p, which no other stream would join", async (channel) => {
    const { socket, until } = run(makeStream(), welcome);
    await until(1);
    socket.send({ type: "subscribe", channel: channel as never }, 7);
    expect((await until(2)).at(-1)).toMatchObject({
      type: "error",
      code: "forbidden",
      message: `not in a stream: ${channel}`,
      ref: 7,
    });
  });

  test("asks for the channels that a stream can have, and refuses the others instead of all", async () => {
    const asked: URLSearchParams[] = [];
    const answer = (request: Request) => {
      asked.push(new URL(request.url).searchParams);
      return welcome();
    };
    const names = ["a b", ".", ...Array.from({ length: 200 }, (_, at) => `room:${at}`)];
    const query = new URLSearchParams(names.map((it): [string, string] => ["channel", it]));
    query.set("since", "a%20b~_~0,all~e~3,room%3A1~e~2");
    const { socket, until } = connect(makeStream(), serve(answer), query);
    await until(1);
    const [sent] = asked;
    const sentNames = sent?.getAll("channel") ?? [];
    expect(sentNames).toEqual(names.slice(2, 2 + sentNames.length));
    expect(sentNames.length).toBeWithin(70, 100);
    expect(() => checkCursorFits(sentNames as never, "u".repeat(128))).not.toThrow();
    expect(sent?.get("since")).toBe("all~e~3,room%3A1~e~2");
    for (const channel of ["a b", "room:199"]) socket.send({ type: "subscribe", channel });
    expect((await until(3)).slice(1)).toMatchObject([
      { code: "forbidden", message: "not in a stream: a b" },
      { code: "forbidden", message: "not in a stream: room:199" },
    ]);
  });

  test("that cannot be opened in Node says why: there, the error of `fetch` has the reason as its cause", async () => {
    const fetch = spyOn(globalThis, "fetch").mockRejectedValue(
      new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED 127.0.0.1:1") }),
    );
    const closeInfo = await connect(makeStream(), new URL("http://127.0.0.1:1/")).ended;
    fetch.mockRestore();
    expect(closeInfo).toEqual({ code: 1006, reason: "Error: connect ECONNREFUSED 127.0.0.1:1" });
  });

  test("that is cut ends without a retry time: its `retry:` is meant for an EventSource", async () => {
    const text = 'retry: 2000\nevent: system\ndata: {"type":"system","event":"joined"}\nid: x\n\n';
    const { ended } = run(makeStream(), () => new Response(text));
    expect(await ended).toEqual({ code: 1001, reason: "the stream ended", retryAfterMs: undefined });
  });

  test("without any event is a proxy's answer, whose Retry-After counts", async () => {
    const { ended } = run(makeStream(), () => new Response("retry: 2000\n\n"));
    expect(await ended).toEqual({ code: 1001, reason: "the stream ended", retryAfterMs: 2000 });
  });

  test.each([
    [204, 4504],
    [400, 4503],
    [401, 4500],
    [403, 4500],
    [404, 4503],
    [409, 4501],
    [429, 4029],
    [500, 4053],
    [503, 4053],
  ])("that is answered with %d ends with %d", async (status, code) => {
    const headers = { "Retry-After": "7" };
    const body = status === 204 ? null : JSON.stringify({ detail: "says why" });
    const { ended } = run(makeStream(), () => new Response(body, { status, headers }));
    const reason = status === 204 ? "HTTP 204" : "says why";
    expect(await ended).toEqual({ code, reason, retryAfterMs: 7000 });
  });

  test("refused for an expired token asks for a new token", async () => {
    const problem = { code: "token-expired", detail: "the token has expired" };
    const { ended } = run(makeStream(), () => Response.json(problem, { status: 401 }));
    expect(await ended).toMatchObject({ code: 4010, reason: "the token has expired" });
  });

  test.each(["Wed, 21 Oct 2026 07:28:00 GMT", "99999999999"])(
    "whose Retry-After is %p causes no wait longer than a timer can take",
    async (value) => {
      const { ended } = run(makeStream(), () => new Response("", { status: 503, headers: { "Retry-After": value } }));
      expect(askedWait((await ended).retryAfterMs)).toBeWithin(0, 86_400_001);
    },
  );

  test("that gets no answer ends like a broken one", async () => {
    const url = serve(() => new Response());
    await site?.stop(true);
    const { ended } = connect(makeStream(), url);
    expect((await ended).code).toBe(1006);
  });

  test("sends the token in a header, and the rest in the URL", async () => {
    const requests: unknown[] = [];
    const { ended } = run(makeStream(), ({ url, headers }) => {
      requests.push([new URL(url).pathname, new URL(url).search, headers.get("Authorization")]);
      return new Response("");
    });
    await ended;
    expect(requests).toEqual([["/sse", "?channel=a", "Bearer t0k"]]);
  });
});

describe("a command beside a stream", () => {
  test("becomes a request, one at a time, and its answer becomes a frame with its ref", async () => {
    const asked: string[] = [];
    let running = 0;
    const { socket, until } = run(makeStream(), async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/sse") return welcome();
      if (pathname === "/barrier") return new Response();
      expect(++running).toBe(1);
      asked.push(
        `${request.method} ${new URL(request.url).pathname}${new URL(request.url).search} ${await request.text()}`,
      );
      await fetch(new URL("/barrier", request.url)); // Whatever was sent together with it has arrived by now.
      running--;
      return Response.json({ channel: "room/1", offset: 3 });
    });
    await until(1);
    socket.send({ type: "publish", channel: "room/1", data: 1, id: "m1", echo: false }, 1);
    socket.send({ type: "message", message: "Hi" }, 2);
    socket.send({ type: "history", channel: "room/1", since: { epoch: "e", offset: 2 } }, 3);
    socket.send({ type: "presence", channel: "room/1" }, 4);
    socket.send({ type: "ping" });
    const frames = await until(5);
    expect(frames.slice(1)).toEqual([
      { type: "ack", channel: "room/1", offset: 3, ref: 1 },
      { type: "ack", channel: "room/1", offset: 3, ref: 2 },
      { type: "history", channel: "room/1", offset: 3, ref: 3 },
      { type: "presence", channel: "room/1", offset: 3, ref: 4 },
    ] as unknown as IncomingFrame[]);
    expect(asked[0]).toStartWith("POST /v1/publish ");
    expect(JSON.parse(asked[0]?.slice(17) ?? "")).toMatchObject({
      channel: "room/1",
      data: 1,
      id: "m1",
      sender: "alice",
      exclude_connection_id: "c_1",
    });
    expect(JSON.parse(asked[1]?.slice(17) ?? "")).toEqual({ channel: "all", message: "Hi", sender: "alice" });
    expect(asked.slice(2)).toEqual([
      "GET /v1/channels/room%2F1/history?limit=100&since=room%252F1~e~2 ",
      "GET /v1/channels/room%2F1/presence ",
    ]);
  });

  test.each([
    ["a refusal", () => Response.json({ code: "forbidden", detail: "no" }, { status: 403 }), "forbidden"],
    ["HTML, as from a proxy", () => new Response("<html>", { status: 502 }), "broker-unavailable"],
    ["half an answer", () => new Response('{"channel":'), "broker-unavailable"],
    ["too many requests, from a proxy", () => new Response("<html>", { status: 429 }), "broker-unavailable"],
    [
      "a body that the proxy rejects, which is not retried forever",
      () => new Response("<html>", { status: 413 }),
      "bad-request",
    ],
    ["a refusal by the server", () => Response.json({ code: "too-large", detail: "no" }, { status: 413 }), "too-large"],
  ])("that is answered with %s becomes an error", async (_, answer, code) => {
    const { socket, until } = run(makeStream(), ({ url }) => (new URL(url).pathname === "/sse" ? welcome() : answer()));
    await until(1);
    socket.send({ type: "publish", channel: "a", data: 1 }, 1);
    expect((await until(2))[1]).toMatchObject({ type: "error", code, ref: 1 });
  });
});

describe("a WebSocket", () => {
  test("that is answered with HTTP counts as never opened, whatever code the runtime reports", async () => {
    const requests: unknown[] = [];
    const { ended } = run(makeWebSocket(), ({ url, headers }) => {
      const offered = headers.get("Sec-WebSocket-Protocol")?.split(/, ?/);
      requests.push([new URL(url).pathname, new URL(url).search, offered]);
      return new Response("", { status: 502 });
    });
    expect(await ended).toEqual({ code: 1006, reason: "no WebSocket opened" });
    expect(requests).toEqual([["/ws", "?channel=a", ["fanfare.v1", "fanfare.token.t0k"]]]);
  });

  test("is opened with the class that was handed in", async () => {
    const opened: unknown[] = [];
    class OtherSocket extends WebSocket {
      constructor(url: URL, protocols: string[]) {
        super(url, protocols);
        opened.push([url.pathname, protocols]);
      }
    }
    const client = createClient(`${serve(() => new Response(""))}`, {
      WebSocket: OtherSocket,
      transports: ["websocket"],
    });
    await new Promise<void>((resolve) => void client.on("state", () => resolve()));
    client.close();
    expect(opened).toEqual([["/ws", ["fanfare.v1"]]]);
  });

  test("and a stream connect to the path that the URL names", async () => {
    const paths: string[] = [];
    const url = serve((request) => {
      paths.push(new URL(request.url).pathname);
      return new Response("", { status: 404 });
    });
    for (const path of ["", "push/", "push/socket"]) await connect(makeWebSocket(), new URL(path, url)).ended;
    for (const path of ["", "push/", "push/socket"]) await connect(makeStream(), new URL(path, url)).ended;
    expect(paths).toEqual(["/ws", "/push/ws", "/push/socket", "/sse", "/push/sse", "/push/sse"]);
  });
});

function run(transport: Transport, answer: Answer) {
  return connect(transport, serve(answer));
}

function serve(answer: Answer): URL {
  site = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  return site.url;
}

function connect(transport: Transport, url: URL, query = new URLSearchParams({ channel: "a" })) {
  const frames: IncomingFrame[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<CloseInfo>();
  const waiting = new Set<() => void>();
  const target: Target = { url, query, token: "t0k", WebSocket };
  const socket = transport(target, {
    onFrames(more) {
      frames.push(...more);
      for (const wake of waiting) wake();
    },
    onOutgrown: () => {},
    onEnd: resolve,
  });
  const until = async (count: number) => {
    while (frames.length < count) await new Promise<void>((wake) => void waiting.add(wake));
    return frames;
  };
  return { socket, frames, ended, until };
}

/** A stream that sends a welcome and stays open. */
function welcome(): Response {
  const frame = { type: "system", event: "welcome", connection_id: "c_1", user_id: "alice" };
  return new Response(new ReadableStream({ start: (stream) => stream.enqueue(`data: ${JSON.stringify(frame)}\n\n`) }));
}

function streamOf(pieces: readonly Uint8Array[]) {
  return new ReadableStream({
    start(stream) {
      for (const piece of pieces) stream.enqueue(piece);
      stream.close();
    },
  });
}
