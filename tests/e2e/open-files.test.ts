import { expect } from "bun:test";
import { testIf } from "../test-if.ts";
import { RawSocket } from "./raw-socket.ts";
import { handshake, RawWebSocket } from "./raw-web-socket.ts";
import { startServer } from "./server.ts";

testIf(process.platform === "linux", "only Linux tells a process how many files it may open")(
  "at the limit of open files clients are refused with a reason, and the server still answers",
  async () => {
    await using server = await startServer({ openFiles: 128 });
    expect(server.output).toMatch(/WARNING \| MAX_CONNECTIONS is 100000, but this process may open only 128 files/);
    const headers = `Origin: ${server.url}\r\n`;
    const clients = await Promise.all(
      Array.from({ length: 150 }, () => RawWebSocket.open(server.port, "/ws", headers)),
    );
    const isWelcomed = ({ texts }: RawWebSocket) => texts.some((it) => it.includes('"welcome"'));
    const ends = await Promise.all(
      clients.map(async (client) => {
        await client.socket.until(() => isWelcomed(client) || client.socket.isEnded);
        return isWelcomed(client) ? "open" : client.closeCode;
      }),
    );
    expect(ends.filter((it) => it === "open")).toHaveLength(64);
    expect(ends.filter((it) => it === 4053)).toHaveLength(86);
    const refused = await server.request("GET", "/ws", undefined, {
      ...{ Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13" },
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    });
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: "full" }]);
    expect(await (await server.request("GET", "/health")).json()).toMatchObject({ status: "healthy", connections: 64 });
    for (const client of clients) client[Symbol.dispose]();
  },
);

testIf(process.platform === "linux", "only Linux tells a process how many files it may open")(
  "clients that connect all at once do not use up the open files while they wait for their turn",
  async () => {
    await using server = await startServer({ openFiles: 128 });
    server.signal("SIGSTOP");
    // They wait in the kernel, and the server finds all of them when it continues.
    const clients = await Promise.all(Array.from({ length: 400 }, () => RawSocket.connect(server.port)));
    for (const client of clients) client.write(handshake(0, "/ws"));
    await Promise.all(clients.map((it) => it.untilWritten()));
    server.signal("SIGCONT");
    const answers = await Promise.all(clients.map((it) => it.untilReceived(/^HTTP.1.1 (\d+)/)));
    const statuses = answers.map(([, status]) => status);
    expect(statuses.filter((it) => it === "101")).toHaveLength(64);
    expect(statuses.filter((it) => it === "503")).toHaveLength(336);
    for (const client of clients) client[Symbol.dispose]();
  },
);
