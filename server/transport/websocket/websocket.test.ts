import { describe, expect, test } from "bun:test";
import { closeTable, isFinal } from "../../../protocol/close-codes.ts";
import { type ErrorCode, errorTable } from "../../../protocol/errors.ts";
import { RawSocket } from "../../../tests/e2e/raw-socket.ts";
import { RawWebSocket } from "../../../tests/e2e/raw-web-socket.ts";
import { RealServer } from "../../../tests/fakes/real-server.ts";
import { closeNameFor } from "../close-name.ts";
import { maxFrameBytes } from "./websocket.ts";

describe("a refused handshake, for a client that sees only close codes", () => {
  test.each(Object.keys(errorTable) as ErrorCode[])("%s: the client reconnects if the error table says so", (code) => {
    const reconnects = !isFinal(closeTable[closeNameFor(code)].code);
    // With a new token the request is a different one.
    expect(reconnects).toBe(errorTable[code].retry || code === "token-expired");
  });

  test("distinguishes an expired token from one that is not allowed", () => {
    expect([closeNameFor("token-expired"), closeNameFor("unauthorized")]).toEqual(["token-expired", "not-allowed"]);
  });
});

describe("the maximum frame size", () => {
  test.each([
    [256, 1024 ** 2],
    [64 * 1024, 1024 ** 2],
    [16 * 1024 ** 2, 6 * (16 * 1024 ** 2 + 16 * 1024)],
  ])("for publications of %d bytes is %d", (maxMessageBytes, bytes) => {
    expect(maxFrameBytes(maxMessageBytes)).toBe(bytes);
  });
});

test("a failed handshake releases its reservation", async () => {
  const server = await RealServer.start({ settings: { maxConnections: 1 } });
  for (let round = 0; round < 3; round++) {
    using raw = await RawSocket.connect(server.port);
    raw.write(
      `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    );
    await raw.untilReceived(/^HTTP\/1\.1 4\d\d /);
  }
  using whole = await RawWebSocket.open(server.port, "/ws");
  expect(await whole.untilText(/welcome/)).toHaveLength(1);
  await server.close();
});

test("a client that only answers pings is never charged, and one that sends control frames of its own is", async () => {
  const server = await RealServer.start({ settings: { messageRate: 1 } });
  using client = await RawWebSocket.open(server.port, "/ws");
  await client.untilText(/welcome/);
  const { session, test: it } = server;
  const frames = async (count: number) => {
    while (it.hub.framesReceived < count) await new Promise((resolve) => setImmediate(resolve));
  };
  client.onPing = () => client.pong();
  session.connection.probe();
  await frames(1);
  expect([session.answering, session.account]).toEqual([undefined, undefined]);
  client.pong();
  await frames(2);
  expect(session.account).toBeDefined();
  await server.close();
});

test("a socket leaves no timer behind", async () => {
  const server = await RealServer.start();
  const timersWhen = async (ms: number) => {
    await server.test.clock.moveInSteps(ms, 1000);
    return server.test.clock.pending;
  };
  const lingerMs = 20_000; // more than the presence of a client may take
  const before = await timersWhen(lingerMs); // without those of the start
  const client = await RawWebSocket.open(server.port, "/ws");
  await client.untilText(/welcome/);
  expect(await timersWhen(0)).toBeGreaterThan(before);
  client[Symbol.dispose]();
  await server.untilEmpty();
  expect(await timersWhen(lingerMs)).toBe(before);
  await server.close();
});
