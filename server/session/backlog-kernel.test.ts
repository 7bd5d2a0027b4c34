import { afterEach, expect } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import type { Socket } from "bun";
import { testIf } from "../../tests/test-if.ts";
import { eventually, turn, until } from "../../tests/waiting.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { readSendQueues } from "../lib/send-queues.ts";
import { Backlog, type Holder } from "./backlog.ts";

const kib = 1024;
const slowTimeoutMs = 3000;
/** More than the kernel holds, and more than any of these readers reads. */
const messageBytes = 64 * 1024 * kib;

const opened: Disposable[] = [];
afterEach(() => {
  for (const it of opened.splice(0)) it[Symbol.dispose]();
});

/** A server that writes more than its client reads, and what its backlog says about it. The time is the test's. */
class Connection implements Holder, Disposable {
  readonly stalls: string[] = [];
  readonly clock = new MovedClock();
  readonly #backlog = new Backlog({ sendBufferBytes: 2 * messageBytes, slowTimeoutMs }, this.clock);
  readonly #listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: (socket) => this.#write(socket), drain: (socket) => this.#write(socket), data: () => undefined },
  });
  #client: Socket | undefined;
  #descriptor = -1;
  #written = 0;
  #lookUp: Promise<unknown> = Promise.resolve();

  static async open(): Promise<Connection> {
    const it = new Connection();
    opened.push(it);
    await it.#connect();
    return it;
  }

  get peer(): string {
    return `127.0.0.1:${this.#client?.localPort}`;
  }

  buffered(): number {
    return messageBytes - this.#written;
  }

  onStall(cause: string): void {
    this.stalls.push(cause);
  }

  /** The server's view of it: the bytes that it could write, and those that the kernel holds. */
  async state(): Promise<string> {
    // The kernel may leave out a row of a table that changes.
    for (;;) {
      const queued = (await readSendQueues(this.#listener.port, new Set([this.peer]))).get(this.peer);
      if (queued !== undefined) return `${this.#written} written, ${queued} queued`;
    }
  }

  /** Reads exactly so many bytes, past the runtime, which reads all there is. */
  async read(bytes: number): Promise<void> {
    const chunk = Buffer.alloc(64 * kib);
    for (let left = bytes; left > 0; ) {
      try {
        left -= readSync(this.#descriptor, chunk, 0, Math.min(left, chunk.length), null);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
        await turn();
      }
    }
  }

  /** Moves the clock, and waits for what the backlog asks the kernel. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1000) {
      await this.clock.moveInSteps(1000, 1000);
      await this.#lookUp;
      await turn();
    }
  }

  [Symbol.dispose](): void {
    this.#backlog.close();
    this.#client?.terminate();
    this.#listener.stop(true);
  }

  async #connect(): Promise<void> {
    const { port } = this.#listener;
    const socket = { open: (it: Socket) => void it.pause(), data: () => undefined };
    this.#client = await Bun.connect({ hostname: "127.0.0.1", port, socket });
    this.#descriptor = descriptorOf(this.#client.localPort, port);
    let last = "";
    await until(async () => {
      const before = last;
      last = await this.state();
      return last === before;
    }, "the kernel holds what it can");
    this.#backlog.watchKernel((peers) => {
      const lookUp = readSendQueues(port, peers);
      this.#lookUp = lookUp;
      return lookUp;
    });
    this.#backlog.note(this, this.buffered());
  }

  #write(socket: Socket): void {
    const chunk = Buffer.alloc(64 * kib);
    for (let taken = chunk.length; taken === chunk.length; this.#written += taken) taken = socket.write(chunk);
  }
}

/** The number of this process's descriptor for a connection. The runtime does not tell it. */
function descriptorOf(localPort: number, peerPort: number): number {
  const ends = [localPort, peerPort].map((port) => port.toString(16).toUpperCase().padStart(4, "0"));
  const rows = readFileSync("/proc/net/tcp", "latin1").split("\n");
  const row = rows.find((it) => it.includes(`:${ends[0]} 0100007F:${ends[1]} `))?.trim();
  const inode = row?.split(/ +/)[9];
  const isIt = (name: string) => linkOf(`/proc/self/fd/${name}`) === `socket:[${inode}]`;
  return Number(readdirSync("/proc/self/fd").find(isIt));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // the descriptor with which the list was read
  }
}

const linuxTest = testIf(process.platform === "linux", "this needs /proc/net/tcp");

linuxTest("a client that reads 400 KB within SLOW_TIMEOUT stays connected, until it reads nothing", async () => {
  const connection = await Connection.open();
  await connection.pass(1000);
  for (let times = 0; times < 6; times++) {
    const before = await connection.state();
    await connection.read(400 * kib);
    await eventually(async () => expect(await connection.state()).not.toBe(before)); // the server can see it
    await connection.pass(slowTimeoutMs);
    expect(connection.stalls).toEqual([]);
  }
  await connection.pass(2 * slowTimeoutMs);
  expect(connection.stalls).not.toEqual([]);
});

linuxTest("a client that reads 16 KB within SLOW_TIMEOUT looks like one that reads nothing", async () => {
  const connection = await Connection.open();
  await connection.pass(1000);
  for (let times = 0; times < 3; times++) {
    await connection.read(16 * kib);
    await connection.pass(slowTimeoutMs);
  }
  expect(connection.stalls).not.toEqual([]);
});
