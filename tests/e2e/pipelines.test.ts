import { expect, test } from "bun:test";
import { RawSocket } from "./raw-socket.ts";
import { startServer } from "./server.ts";

const requests = {
  "plain requests": "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "refused handshakes": "GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "requests with a body": "POST /sse/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n{",
};

test("a connection that pipelines thousands of requests is closed after some of them", async () => {
  await using server = await startServer();
  for (const request of Object.values(requests)) {
    using raw = await RawSocket.connect(server.port);
    raw.write(request.repeat(20_000));
    await raw.until(() => raw.isEnded || raw.bytesReceived > 2_000_000);
    const answers = raw.received.match(/HTTP\/1\.1 \d+/g)?.length ?? 0;
    expect([raw.isEnded, answers < 1000]).toEqual([true, true]);
  }
});
