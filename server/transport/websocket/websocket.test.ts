import { describe, expect, test } from "bun:test";
import { closeTable, isFinal } from "../../../protocol/close-codes.ts";
import { type ErrorCode, errorTable } from "../../../protocol/errors.ts";
import { RawSocket } from "../../../tests/e2e/raw-socket.ts";
import { RawWebSocket } from "../../../tests/e2e/raw-web-socket.ts";
import { RealServer } from "../../../tests/fakes/real-server.ts";
import { closeNameFor, maxFrameBytes } from "./websocket.ts";

describe("a refused handshake, to a client that sees close codes only", () => {
  test.each(Object.keys(errorTable) as ErrorCode[])(
    "%s: the client reconnects if the table of errors says so",
    (code) => {
      const comesBack = !isFinal(closeTable[closeNameFor(code)].code);
      // With a new token it is another request.
      expect(comesBack).toBe(errorTable[code].retry || code === "token-expired");
    },
  );

  test("a token that has expired is not a token that is not allowed", () => {
    expect([closeNameFor("token-expired"), closeNameFor("unauthorized")]).toEqual(["token-expired", "not-allowed"]);
  });
});

describe("the largest frame", () => {
  test.each([
    [256, 1024 ** 2],
    [64 * 1024, 1024 ** 2],
    [16 * 1024 ** 2, 6 * (16 * 1024 ** 2 + 16 * 1024)],
  ])("for publications of %d bytes has %d", (maxMessageBytes, bytes) => {
    expect(maxFrameBytes(maxMessageBytes)).toBe(bytes);
  });
});

test("a broken handshake gives its seat back", async () => {
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
