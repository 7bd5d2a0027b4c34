import { expect, test } from "bun:test";
import { RawSocket } from "./raw-socket.ts";
import { RawWebSocket } from "./raw-web-socket.ts";
import { startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const env = { NOTICES: "off", WS_PING_INTERVAL: "400ms", WS_PING_TIMEOUT: "400ms", MESSAGE_RATE: "0" };

test("who answers no ping is closed with 4009, however much is sent to it; who answers stays", async () => {
  await using server = await startServer({ env });
  using dead = await RawWebSocket.open(server.port, "/ws?channel=room");
  using alive = await SocketUnderTest.open(`${server.wsUrl}?channel=room`);
  using publisher = await SocketUnderTest.open(server.wsUrl);
  const busy = setInterval(() => publisher.send({ type: "publish", channel: "room", data: 1 }), 20);
  expect(await dead.untilClosed()).toBe(4009);
  clearInterval(busy);
  await server.untilLogged(/Client closed: .* \(4009\)/);
  // It has been pinged for as long as the other, which was closed for it.
  publisher.send({ type: "publish", channel: "room", data: "last" });
  await alive.until(({ data }) => data === "last");
  expect([alive.closed, publisher.closed]).toEqual([undefined, undefined]);
});

test("a reader that stands still is not taken for dead while bytes wait for it", async () => {
  await using server = await startServer({ env: { ...env, HISTORY_SIZE: "100000", HISTORY_BYTES: "32MiB" } });
  using slow = await RawWebSocket.open(server.port, "/ws?channel=room");
  using dead = await RawWebSocket.open(server.port, "/ws");
  await slow.untilText(/welcome/);
  slow.socket.pause();
  for (let at = 1; at <= 400; at++) {
    const type = { "Content-Type": "text/plain" };
    await server.request("POST", "/v1/channels/room/messages", "x".repeat(16_000), type);
  }
  // Everybody is pinged within an interval and has as long as another to answer.
  expect(await dead.untilClosed()).toBe(4009);
  await Bun.sleep(1000);
  slow.socket.resume();
  await slow.untilText(/"channel":"room","offset":400,/);
  expect(slow.closeCode).toBeUndefined();
});

test.skipIf(process.env.FANFARE_LONG !== "1")("a quiet stream gets a comment every 15 s", async () => {
  await using server = await startServer({ env });
  using raw = await RawSocket.connect(server.port);
  raw.write("GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await raw.untilReceived(/\n:\n[\s\S]*\n:\n/, 35_000);
});
