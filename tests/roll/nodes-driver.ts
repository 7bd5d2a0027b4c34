import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/free-port.js";
import { HaProxy } from "../../scripts/two-nodes/ha-proxy.js";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { haproxyProgram } from "../nodes/haproxy.ts";
import { RedisWithSentinel } from "../redis/redis-sentinel.ts";
import { until } from "../waiting.ts";
import type { Driver, ReceivedMessage, Transport } from "./driver.ts";
import { publishOverHttp, SocketPublisher } from "./fanfare-publishers.ts";
import { channelSettings, makeReader, openOwnClient, settings, subscriberUrl } from "./fanfare-wire.ts";

/** How long a node keeps accepting after the signal: HAProxy checks it every second, and believes the second failure. Seconds. */
const drainDelayS = 3;
const drainWindowS = 4;
/** Requests are spread over the workers of a node at random. When this many succeed in a row, all workers can publish. */
const publishedInARow = 30;

export interface NodesOptions {
  /** Settings of both nodes. */
  readonly env?: Readonly<Record<string, string>>;
  /** Settings of a node that replaces one. */
  readonly restartEnv?: Readonly<Record<string, string>>;
  /** How many messages the server keeps; by default all of a run. */
  readonly historySize?: number;
  /** The program, if it is not ours. */
  readonly main?: string;
}

/** Two nodes of two workers on one Redis with a replica, behind HAProxy. A roll replaces one node after the other. */
export class NodesDriver implements Driver {
  readonly name = "two nodes, Redis, HAProxy";
  readonly windowS = drainWindowS - 1;
  readonly #folder = mkdtempSync(join(tmpdir(), "fanfare-roll-"));
  readonly #ports: number[] = [];
  readonly #nodes: ServerUnderTest[] = [];
  readonly #exitCodes: number[] = [];
  readonly #options: NodesOptions;
  #redis: RedisWithSentinel | undefined;
  #proxy: HaProxy | undefined;
  #publisher: SocketPublisher | undefined;

  constructor(options: NodesOptions = {}) {
    this.#options = options;
    writeFileSync(join(this.#folder, "fanfare.config.yaml"), channelSettings(options.historySize));
  }

  get nodes(): readonly ServerUnderTest[] {
    return this.#nodes;
  }

  get redis(): RedisWithSentinel {
    if (this.#redis === undefined) throw new Error("Redis was not started");
    return this.#redis;
  }

  async start(): Promise<void> {
    this.#redis = await RedisWithSentinel.start();
    for (const index of [0, 1]) this.#ports[index] = await freePort();
    for (const [index, starting] of [this.#startNode(0), this.#startNode(1)].entries()) {
      this.#nodes[index] = await starting;
    }
    const [one = 0, two = 0] = this.#ports;
    const nodes = [{ port: one }, { port: two }] as unknown as Parameters<typeof HaProxy.start>[1]["nodes"];
    this.#proxy = await HaProxy.start(haproxyProgram(), { folder: this.#folder, port: 0, nodes });
    this.#publisher = await SocketPublisher.open(this.#url);
  }

  /** Resolves once all workers of both nodes can publish again. */
  async untilPublishing(): Promise<void> {
    let inARow = 0;
    const canAllPublish = async () => {
      for (const node of this.#nodes) {
        const body = { channel: "probe", message: "?" };
        const { ok } = await node.request("POST", "/v1/publish", body, { Connection: "close" });
        inARow = ok ? inARow + 1 : 0;
      }
      return inARow >= publishedInARow;
    };
    await until(canAllPublish, "both nodes can publish");
  }

  /** Each node is told to stop, moves its clients to the other one, and is started again once it is gone. */
  async roll(): Promise<void> {
    for (const index of [0, 1]) {
      const old = this.#nodes[index];
      old?.signal("SIGTERM");
      this.#exitCodes.push((await old?.exited) ?? 1);
      const startedAt = performance.now();
      this.#nodes[index] = await this.#startNode(index, this.#options.restartEnv);
      await old?.[Symbol.asyncDispose]();
      // HAProxy must send clients to it before the other node moves its own.
      await until(() => this.#isUsed(startedAt), "HAProxy uses the node again");
    }
  }

  async stop(): Promise<number> {
    this.#publisher?.close();
    for (const node of this.#nodes) {
      node.signal("SIGTERM");
      this.#exitCodes.push(await node.exited);
    }
    return Math.max(...this.#exitCodes);
  }

  subscriberUrl(transport: Transport, last: ReceivedMessage | undefined): string {
    return subscriberUrl(this.#url, transport, last);
  }

  makeReader = makeReader;

  openOwnClient(onReceived: Parameters<typeof openOwnClient>[1]) {
    return openOwnClient(this.#url, onReceived);
  }

  async publish(message: { readonly id: string; readonly text: string }, via: "http" | "websocket"): Promise<void> {
    if (via === "http") await publishOverHttp(this.#url, message);
    else await this.#publisher?.publish(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy?.stop();
    await Promise.all(this.#nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.#redis?.[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #url(): string {
    return (this.#proxy?.url ?? "").replace(/\/$/, "");
  }

  #startNode(index: number, more: NodesOptions["env"] = {}): Promise<ServerUnderTest> {
    const { env, main } = this.#options;
    const drain = { DRAIN_MODE: "move", DRAIN_DELAY: `${drainDelayS}s`, DRAIN_WINDOW: `${drainWindowS}s` };
    return startServer({
      flags: ["--workers", "2", "--port", String(this.#ports[index])],
      env: {
        ...{ ...settings, ...drain, SHUTDOWN_TIMEOUT: "30s", TRUSTED_PROXIES: "127.0.0.1", REDIS_URL: this.redis.url },
        ...env,
        ...more,
      },
      cwd: this.#folder,
      ...(main === undefined ? {} : { main }),
    });
  }

  /** Whether requests through HAProxy reach a node that was started then: it has fewer connections than the other one. */
  async #isUsed(startedAt: number): Promise<boolean> {
    const answer = await fetch(`${this.#url}/health`, { headers: { Connection: "close" } });
    const { uptime_s } = (await answer.json()) as { uptime_s: number };
    return answer.ok && uptime_s <= (performance.now() - startedAt) / 1000;
  }
}
