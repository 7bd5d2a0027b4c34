import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { childEnv } from "../child-env.ts";
import type { Frame } from "../e2e/socket.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { program as redisProgram } from "../redis/redis.ts";
import { eventually, isRunning, until } from "../waiting.ts";
import { haproxyProgram } from "./haproxy.ts";

const root = join(import.meta.dir, "..", "..");
/** How long the script may take to exit after a second signal, milliseconds. */
const endMs = 15_000;

/** `npm run two-nodes`: two nodes of two workers on one Redis, behind HAProxy. Use it with `await using`. */
export class TwoNodes implements AsyncDisposable {
  one = new Node("");
  two = new Node("");
  /** Both, behind HAProxy. */
  proxy = new Node("");
  redisUrl = "";
  readonly #child: Subprocess;
  readonly #folder: string;

  private constructor(child: Subprocess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /**
   * @param env settings of both nodes
   * @param file their settings file, as JSON
   */
  static async start(env: Readonly<Record<string, string>> = {}, file?: object): Promise<TwoNodes> {
    const folder = mkdtempSync(join(tmpdir(), "fanfare-two-"));
    const log = openSync(join(folder, "log"), "a");
    const programs = { FANFARE_REDIS_SERVER: redisProgram(), FANFARE_HAPROXY: haproxyProgram() };
    const config = join(folder, "settings.json");
    if (file !== undefined) writeFileSync(config, JSON.stringify(file));
    const flags = file === undefined ? [] : ["--config", config];
    const child = Bun.spawn(["node", join(root, "scripts/two-nodes.js"), ...flags], {
      // Its own folder, so that nothing is left behind if the script is killed.
      env: childEnv({ NOTIFICATION_INTERVAL: "0", TMPDIR: folder, ...programs, ...env }),
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const nodes = new TwoNodes(child, folder);
    try {
      await nodes.#untilStarted();
      return nodes;
    } catch (error) {
      await nodes[Symbol.asyncDispose]();
      throw error;
    }
  }

  get both(): readonly [Node, Node] {
    return [this.one, this.two];
  }

  /** The output of the script and of the programs that it started. */
  get output(): string {
    return readFileSync(join(this.#folder, "log"), "utf8");
  }

  /** The exit code of the script, once it has exited. */
  get exited(): Promise<number> {
    return this.#child.exited;
  }

  get pid(): number {
    return this.#child.pid;
  }

  signal(name: "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    this.#child.kill(name);
  }

  /**
   * Opens connections to each of the nodes.
   * @param each their number per node, large enough that each worker gets some
   * @param query the query of the nth connection
   */
  async openMany(each: number, query: (n: number) => string = (n) => `?user_id=u${n}`): Promise<SocketUnderTest[]> {
    const sockets = await Promise.all(
      this.both.flatMap(({ wsUrl }, node) =>
        Array.from({ length: each }, (_, n) => SocketUnderTest.open(`${wsUrl}${query(node * each + n)}`)),
      ),
    );
    const busy = (await this.one.processes()).filter(({ active_connections }) => Number(active_connections) > 0);
    if (busy.length < 4) throw new Error("a worker has no connection: open more");
    return sockets;
  }

  /** Waits until all workers count this many connections. Each request reaches one of the node's two workers at random. */
  async untilOnline(count: number): Promise<void> {
    await eventually(async () => {
      for (const node of Array.from({ length: 12 }, () => this.both).flat()) {
        const { connections } = await node.json("GET", "/health");
        if (connections !== count) throw new Error(`expected ${count} connections, got ${connections}`);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pids = await this.#pids();
    this.signal("SIGTERM");
    const isStopping = () => this.#child.exitCode !== null || this.#child.signalCode !== null;
    await until(() => isStopping() || this.output.includes("Shutting down: "), "the script stops");
    this.signal("SIGTERM");
    const late = setTimeout(() => {
      for (const pid of [...pids, this.pid]) if (isRunning(pid)) process.kill(pid, "SIGKILL");
    }, endMs);
    await this.exited;
    clearTimeout(late);
    await until(() => !pids.some(isRunning), "the processes of both nodes are gone");
    // Redis outlives a script that was killed for a moment, and writes into its folder until it exits.
    await until(async () => !(await isListening(this.redisUrl)), "Redis is gone");
    // A process that is just ending may add a file while the others are removed.
    await until(() => {
      rmSync(this.#folder, { recursive: true, force: true });
      return !existsSync(this.#folder);
    }, "its folder is removed");
  }

  async #pids(): Promise<readonly number[]> {
    for (const node of this.both) {
      const processes = await node.processes().catch(() => []); // The node may have been killed.
      if (processes.length > 0) return processes.map(({ pid }) => Number(pid));
    }
    return [];
  }

  async #untilStarted(): Promise<void> {
    const isOver = () => this.#child.exitCode !== null || this.output.includes("Ctrl+C stops everything");
    await until(isOver, "two nodes are running");
    const found = (name: string) => new RegExp(`^ +${name} +(\\S+:\\d+)\\b`, "m").exec(this.output)?.[1] ?? "";
    [this.one, this.two] = [new Node(found("node one")), new Node(found("node two"))];
    this.proxy = new Node(found("HAProxy"));
    this.redisUrl = found("Redis");
    if (this.redisUrl === "") throw new Error(`two nodes did not start; the script printed:\n${this.output}`);
  }
}

/** The address of a node or of HAProxy. */
export class Node {
  /** Such as `http://127.0.0.1:40001`. */
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  get wsUrl(): string {
    return `${this.url.replace(/^http/, "ws")}/ws`;
  }

  request(method: string, path: string, body?: unknown): Promise<Response> {
    const headers = { "Content-Type": "application/json", Connection: "close" };
    return fetch(`${this.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async json(method: string, path: string, body?: unknown): Promise<Frame> {
    return (await (await this.request(method, path, body)).json()) as Frame;
  }

  /** This node's list of all processes of the server. */
  async processes(): Promise<readonly Frame[]> {
    return (await this.json("GET", "/v1/nodes")).nodes as readonly Frame[];
  }

  /** The node's own processes, according to itself: the supervisor and its workers. */
  async pids(): Promise<readonly number[]> {
    const port = new URL(this.url).port;
    const own = (await this.processes()).filter(({ name }) => String(name).includes(`:${port} `));
    return own.map(({ pid }) => Number(pid));
  }
}

/** @param address such as `redis://127.0.0.1:6379`; "" if there is none */
async function isListening(address: string): Promise<boolean> {
  const port = Number(/:(\d+)$/.exec(address)?.[1] ?? 0);
  if (port === 0) return false;
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
