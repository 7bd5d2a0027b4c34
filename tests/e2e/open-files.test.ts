import { expect } from "bun:test";
import { testIf } from "../test-if.ts";
import { startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

testIf(process.platform === "linux", "only Linux tells a process how many files it may open")(
  "at the limit of open files clients are refused with a reason, and the server still answers",
  async () => {
    await using server = await startServer({ openFiles: 128 });
    expect(server.output).toMatch(/WARNING \| MAX_CONNECTIONS is 100000, but this process may open only 128 files/);
    const clients = Array.from(
      { length: 150 },
      () => new SocketUnderTest(server.wsUrl, { headers: { Origin: server.url } }),
    );
    const ends = await Promise.all(
      clients.map((client) =>
        client
          .until((it) => it.event === "welcome")
          .then(
            () => "open",
            () => client.closed?.code,
          ),
      ),
    );
    expect(ends.filter((it) => it === "open")).toHaveLength(64);
    expect(ends.filter((it) => it === 4053)).toHaveLength(86);
    const refused = await server.request("GET", "/ws", undefined, {
      ...{ Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13" },
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    });
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: "full" }]);
    expect(await (await server.request("GET", "/health")).json()).toMatchObject({ status: "healthy", connections: 64 });
    for (const client of clients) client.close();
  },
);
