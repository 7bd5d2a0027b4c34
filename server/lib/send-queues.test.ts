import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testIf } from "../../tests/test-if.ts";
import { eventually, until } from "../../tests/waiting.ts";
import { readSendQueues } from "./send-queues.ts";

const folder = mkdtempSync(join(tmpdir(), "fanfare-send-queues-"));
afterAll(() => rmSync(folder, { recursive: true }));

function tableOf(name: string, rows: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `  sl  local_address rem_address   st tx_queue rx_queue\n${rows.map((it) => `${it}\n`).join("")}`,
  );
  return path;
}

const zeros = ":00000000 01:00000014 00000000  1000        0 31604 1 000000009e9c2151 100 0 0 10 0";
const tcp = tableOf("tcp", [
  `   0: 0100007F:1F40 00000000:0000 0A 00000000${zeros}`,
  `   1: 0100007F:1F40 0100007F:D431 01 0009AB40${zeros}`,
  `   2: 0100007F:D431 0100007F:1F40 01 00000007${zeros}`, // the client's end of the same connection
  `   3: 0100007F:1F41 0100007F:D431 01 00000008${zeros}`, // the same client at another server
  ...Array.from({ length: 1000 }, (_, index) => ` ${1000 + index}: 0100007F:2710 0100007F:1F40 01 00000001${zeros}`),
  `123456: 0100007F:1F40 0502000A:FFFF 08 00000000${zeros}`,
]);
const tcp6 = tableOf("tcp6", [
  `   0: 00000000000000000000000001000000:1F40 00000000000000000000000001000000:0050 01 00000010${zeros}`,
  `   1: 0000000000000000FFFF00000100007F:1F40 0000000000000000FFFF000007020A0A:0051 01 00000011${zeros}`,
  `   2: B80D0120000000000000000001000000:1F40 B80D0120000000000000000002000000:0052 01 00000012${zeros}`,
]);

test("finds the queue of each peer of this port, of IPv4 and IPv6", async () => {
  const peers = ["127.0.0.1:54321", "10.0.2.5:65535", "[::1]:80", "10.10.2.7:81", "[2001:db8::2]:82"];
  const queues = await readSendQueues(8000, new Set([...peers, "127.0.0.1:1"]), [tcp, tcp6]);
  expect(Object.fromEntries(queues)).toEqual({
    "127.0.0.1:54321": 0x9ab40,
    "10.0.2.5:65535": 0,
    "[::1]:80": 16,
    "10.10.2.7:81": 17,
    "[2001:db8::2]:82": 18,
  });
});

test("finds nothing where there are no such tables", async () => {
  const queues = await readSendQueues(8000, new Set(["127.0.0.1:54321"]), [join(folder, "missing")]);
  expect(queues.size).toBe(0);
});

testIf(process.platform === "linux", "this needs /proc/net/tcp")(
  "sees what the kernel of this machine holds for a client that does not read",
  async () => {
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: (socket) => void socket.write(Buffer.alloc(16 * 1024 * 1024)), data: () => undefined },
    });
    const client = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.port,
      socket: { open: (socket) => void socket.pause(), data: () => undefined },
    });
    const peer = `127.0.0.1:${client.localPort}`;
    const queue = async () => (await readSendQueues(server.port, new Set([peer]))).get(peer) ?? 0;
    await until(async () => (await queue()) > 0, "the kernel holds something");
    client.resume();
    await eventually(async () => expect(await queue()).toBe(0)); // the client has read it
    client.terminate();
  },
);
