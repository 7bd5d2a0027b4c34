import { expect, test } from "bun:test";
import { testIf } from "../test-if.ts";
import { RawSocket } from "./raw-socket.ts";
import { RawWebSocket } from "./raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const env = { NOTICES: "off", WS_PING_INTERVAL: "400ms", WS_PING_TIMEOUT: "400ms", MESSAGE_RATE: "0" };

test("a client that does not answer pings is closed with 4009, even if it receives messages; one that answers stays", async () => {
  await using server = await startServer({ env });
  using dead = await RawWebSocket.open(server.port, "/ws?channel=room");
  using alive = await SocketUnderTest.open(`${server.wsUrl}?channel=room`);
  using publisher = await SocketUnderTest.open(server.wsUrl);
  const busy = setInterval(() => publisher.send({ type: "publish", channel: "room", data: 1 }), 20);
  expect(await dead.untilClosed()).toBe(4009);
  clearInterval(busy);
  await server.untilLogged(/Client closed: .* \(4009\)/);
  // It has been pinged for as long as the other one, which was closed.
  publisher.send({ type: "publish", channel: "room", data: "last" });
  await alive.until(({ data }) => data === "last");
  expect([alive.closed, publisher.closed]).toEqual([undefined, undefined]);
});

test("a client that stopped reading is not considered dead while bytes are buffered for it", async () => {
  const times = { WS_PING_INTERVAL: "1s", WS_PING_TIMEOUT: "1s" };
  await using server = await startServer({ env: { ...env, ...times, HISTORY_SIZE: "100000", HISTORY_BYTES: "32MiB" } });
  using slow = await RawWebSocket.open(server.port, "/ws?channel=room");
  await slow.untilText(/welcome/);
  slow.socket.pause();
  const published = await fillBuffers(server, slow);
  // From here on it sends nothing. Two clients that connect now and never answer are pinged and closed in the meantime.
  for (let dead = 0; dead < 2; dead++) {
    using silent = await RawWebSocket.open(server.port, "/ws");
    expect(await silent.untilClosed()).toBe(4009);
  }
  slow.socket.resume();
  await slow.untilText(new RegExp(`"channel":"room","offset":${published},`));
  expect(slow.closeCode).toBeUndefined();
});

/** Publishes until the server buffers bytes for the reader. @returns the number of messages that it took */
async function fillBuffers(server: ServerUnderTest, slow: RawWebSocket): Promise<number> {
  for (let published = 1; published <= 2000; published++) {
    slow.pong(); // Until then it must prove that it is alive.
    await server.request("POST", "/v1/channels/room/messages", "x".repeat(16_000), { "Content-Type": "text/plain" });
    const answer = await server.request("GET", "/v1/connections");
    const { connections } = (await answer.json()) as { connections: { buffered_bytes: number }[] };
    if (connections.some(({ buffered_bytes }) => buffered_bytes > 0)) return published;
  }
  throw new Error("the kernel took everything");
}

testIf(process.env.FANFARE_LONG === "1", "it takes half a minute: npm test -- --long")(
  "a quiet stream gets a comment every 15 s",
  async () => {
    await using server = await startServer({ env });
    using raw = await RawSocket.connect(server.port);
    raw.write("GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const [comments] = await raw.untilReceived(/\n:\n[\s\S]*\n:\n/, 35_000);
    expect(comments).not.toMatch(/data|event/);
  },
);
