import { expect, test } from "bun:test";
import { RawSocket } from "./raw-socket.ts";
import { startServer } from "./server.ts";

test("an invalid Host is a bad request for every path, and is not logged", async () => {
  await using server = await startServer({ env: { INSECURE: "on", OPS_PORT: "0" } });
  const heads = [
    "GET /readyz HTTP/1.0\r\n\r\n",
    ...["a b", "", "127.0.0.1:99999", "[::1"].flatMap((host) => [
      `GET /readyz HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      `GET /ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\n\r\n`,
      `POST /v1/publish HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\n\r\n{}`,
    ]),
  ];
  for (const head of heads) {
    using socket = await RawSocket.connect(server.port);
    socket.write(head);
    await socket.until(() => socket.received.includes("}"));
    expect([head, socket.received.split("\r\n")[0]]).toEqual([head, "HTTP/1.1 400 Bad Request"]);
    expect(socket.received).toContain("Host: expected a host name or address");
  }
  expect(server.output).not.toContain("ERROR");
});
