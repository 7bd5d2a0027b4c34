import { freePort } from "../../../scripts/free-port.js";
import { RawEventStream } from "../raw-event-stream.ts";
import { RawSocket } from "../raw-socket.ts";
import { RawWebSocket } from "../raw-web-socket.ts";
import type { ServerUnderTest } from "../server.ts";
import { SocketUnderTest } from "../socket.ts";
import { handshakeStatus, offsetsOf, publish, type SettingsGroup, statusOf } from "./setting.ts";

const [opsPort, port] = [await freePort(), await freePort()];

const postStatus = async (server: ServerUnderTest, path: string, body: object | string) => {
  const response = await server.request("POST", path, body);
  await response.body?.cancel();
  return response.status;
};

/** An open server: its addresses, its two transports, and what a request may contain. */
export const httpGroup: SettingsGroup = {
  name: "HTTP and transports",
  base: {},
  prepare: async () => ({ flags: ["--port", String(port)] }),
  settings: {
    port: { observe: async (server) => server.port, expected: port },
    opsPort: {
      value: String(opsPort),
      observe: async () => (await fetch(`http://127.0.0.1:${opsPort}/livez`)).status,
      expected: 200,
      hasNoControl: "the port belongs to the other server",
    },
    ssePath: { value: "/notify", observe: (it) => postStatus(it, "/notify", { user_id: "u", data: 1 }), expected: 200 },
    sseBatchPath: {
      value: "/bulk",
      observe: (it) => postStatus(it, "/bulk", [{ user_id: "u", data: 1 }]),
      expected: 200,
    },
    wsPath: { value: "/live", observe: (it) => handshakeStatus(it, "/live"), expected: 101 },
    dashboard: { value: "off", observe: (it) => statusOf(it, "/admin"), expected: 404 },
    page: { value: "off", observe: (it) => statusOf(it, "/"), expected: 404 },
    corsOrigins: {
      value: "https://a.example",
      observe: async (it) => {
        const { headers } = await it.request("GET", "/health", undefined, { Origin: "https://a.example" });
        return headers.get("Access-Control-Allow-Origin");
      },
      expected: "https://a.example",
    },
    allowedHosts: {
      value: "dev.example,127.0.0.1,localhost",
      observe: async (it) => (await it.request("GET", "/health", undefined, { Host: "dev.example" })).status,
      expected: 200,
    },
    maxBodyBytes: {
      value: "2048",
      observe: async (it) => {
        const post = (bytes: number) => postStatus(it, "/v1/publish", `{"channel":"a","data":1}`.padEnd(bytes));
        return [await post(2048), await post(2049)];
      },
      expected: [200, 413],
    },
    maxMessageBytes: {
      value: "256",
      observe: async (it) => {
        const post = (length: number) => postStatus(it, "/v1/publish", { channel: "a", message: "x".repeat(length) });
        return [await post(256), await post(257)];
      },
      expected: [200, 413],
    },
    historyTtl: {
      value: "1ms",
      observe: async (it) => {
        const { offset = 0 } = await publish(it, { channel: "ttl", message: "expires at once" });
        // The clock must pass the message's time by more than a millisecond.
        for (let reads = 0; reads < 50; reads++) if ((await offsetsOf(it, "ttl")).length === 0) return offset;
        return "kept";
      },
      expected: 1,
    },
    trustedProxies: {
      value: "127.0.0.1",
      observe: async (it) => {
        using _ = await SocketUnderTest.open(`${it.url.replace("http", "ws")}/`, {
          headers: { "X-Forwarded-For": "203.0.113.9" },
        });
        const { connections } = (await (await it.request("GET", "/v1/connections")).json()) as {
          readonly connections: readonly { readonly remote: string }[];
        };
        return connections.some(({ remote }) => remote.startsWith("203.0.113.9"));
      },
      expected: true,
    },
    maxConnectionsPerIp: {
      value: "2",
      observe: async (it) => {
        const headers = { "X-Forwarded-For": "203.0.113.10" };
        const url = `${it.url.replace("http", "ws")}/`;
        using _first = await SocketUnderTest.open(url, { headers });
        using _second = await SocketUnderTest.open(url, { headers });
        return await handshakeStatus(it, "/", headers);
      },
      expected: 429,
    },
    maxChannels: {
      value: "1",
      observe: async (it) => {
        using socket = await SocketUnderTest.open(`${it.url.replace("http", "ws")}/?channel=a`);
        socket.send({ type: "subscribe", channel: "b", ref: 1 });
        return (await socket.until(({ ref }) => ref === 1)).code;
      },
      expected: "too-many-channels",
    },
    userConnections: {
      value: "reject",
      observe: async (it) => {
        using _ = await SocketUnderTest.open(`${it.url.replace("http", "ws")}/?user_id=u1`);
        return await handshakeStatus(it, "/?user_id=u1");
      },
      expected: 409,
    },
    notificationInterval: {
      value: "100ms",
      observe: async (it) => {
        using socket = await SocketUnderTest.open(`${it.url.replace("http", "ws")}/`);
        return (await socket.untilMessages(2)).map(({ sender }) => sender);
      },
      expected: [undefined, undefined],
      hasNoControl: "the default of 10 s takes too long",
    },
    notificationMessage: {
      value: "The sun is up",
      observe: async (it) => {
        using socket = await SocketUnderTest.open(`${it.url.replace("http", "ws")}/`);
        return (await socket.until(({ message }) => message === "The sun is up")).channel;
      },
      expected: "all",
      hasNoControl: "no such message arrives",
    },
    logFormat: {
      value: "json",
      observe: async ({ output }) => {
        const lines = output.trim().split("\n");
        return lines.filter((it) => !it.startsWith("{")).length;
      },
      expected: 0,
    },
    wsPingInterval: {
      value: "100ms",
      // With the default of 30 s, these pings would take minutes.
      observe: async (it) => {
        using raw = await RawWebSocket.open(it.port, "/");
        raw.onPing = () => raw.pong();
        raw.pong(); // The first ping may have arrived already.
        await raw.socket.until(() => raw.pings >= 5);
        return raw.closeCode;
      },
      expected: undefined,
      hasNoControl: "the default of 30 s takes too long",
    },
    wsPingTimeout: {
      // Long enough for a busy client to answer. With the default of 10 s, the other one would receive about a hundred pings.
      value: "3s",
      observe: async (it) => {
        using silent = await RawWebSocket.open(it.port, "/");
        using answering = await RawWebSocket.open(it.port, "/");
        answering.onPing = () => answering.pong();
        answering.pong(); // The first ping may have arrived already.
        return [await silent.untilClosed(), answering.pings < 50];
      },
      expected: [4009, true],
      hasNoControl: "needs WS_PING_INTERVAL",
    },
    streamLifetime: {
      value: "1s",
      observe: async (it) => {
        using stream = await RawEventStream.open(it.port, "/sse");
        await stream.socket.until(() => stream.isComplete);
        return stream.isComplete;
      },
      expected: true,
      hasNoControl: "the default of 10 minutes takes too long",
    },
    keepAliveTimeout: {
      value: "1s",
      observe: async (it) => {
        using raw = await RawSocket.connect(it.port);
        raw.write("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await raw.untilReceived(/200 OK/);
        await raw.untilEnded();
        return raw.isEnded;
      },
      expected: true,
      hasNoControl: "the default of 75 s takes too long",
    },
    // The last one, since it stops the server.
    drainDelay: {
      value: "10m",
      observe: async (it) => {
        it.signal("SIGTERM");
        while ((await statusOf(it, "/readyz")) !== 503) await it.untilLogged(/Shutting down/);
        using late = await SocketUnderTest.open(`${it.url.replace("http", "ws")}/`);
        return (await late.until(({ event }) => event === "draining")).type;
      },
      expected: "system",
      hasNoControl: "stops the server",
    },
  },
};
