import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { until } from "../waiting.ts";
import type { Driver, ReceivedMessage, Transport } from "./driver.ts";
import { publishOverHttp, SocketPublisher } from "./fanfare-publishers.ts";
import { channelSettings, makeReader, openOwnClient, settings, subscriberUrl } from "./fanfare-wire.ts";

export interface WorkersOptions {
  readonly name?: string;
  readonly workers: number;
  readonly env?: Readonly<Record<string, string>>;
  /** DRAIN_WINDOW. Seconds. */
  readonly drainWindowS?: number;
  /** How many messages the server keeps; by default all of a run. */
  readonly historySize?: number;
  /** The program, if it is not ours. */
  readonly main?: string;
  /** How it is rolled; by default with POST /v1/reload. */
  readonly roll?: (server: ServerUnderTest) => Promise<void>;
}

/** Fanfare with several workers on one machine. A roll is a reload. */
export class WorkersDriver implements Driver {
  readonly name: string;
  readonly windowS: number;
  readonly #options: WorkersOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), "fanfare-roll-"));
  #server: ServerUnderTest | undefined;
  #publisher: SocketPublisher | undefined;

  constructor(options: WorkersOptions) {
    const { name = `${options.workers} workers`, drainWindowS = 4 } = options;
    this.name = name;
    // The clients that do not move by themselves are closed a second after their reconnect time.
    this.windowS = drainWindowS - 1;
    this.#options = { drainWindowS, ...options };
    writeFileSync(join(this.#folder, "fanfare.config.yaml"), channelSettings(options.historySize));
  }

  get server(): ServerUnderTest {
    if (this.#server === undefined) throw new Error("the server was not started");
    return this.#server;
  }

  async start(): Promise<void> {
    const { workers, env, drainWindowS, main } = this.#options;
    this.#server = await startServer({
      flags: ["--workers", String(workers)],
      env: { ...settings, DRAIN_WINDOW: `${drainWindowS}s`, ...env },
      cwd: this.#folder,
      ...(main === undefined ? {} : { main }),
    });
    this.#publisher = await SocketPublisher.open(this.#server.url);
  }

  roll(): Promise<void> {
    return (this.#options.roll ?? reload)(this.server);
  }

  stop(): Promise<number> {
    this.#publisher?.close();
    this.server.signal("SIGTERM");
    return this.server.exited;
  }

  subscriberUrl(transport: Transport, last: ReceivedMessage | undefined): string {
    return subscriberUrl(this.server.url, transport, last);
  }

  makeReader = makeReader;

  openOwnClient(onReceived: Parameters<typeof openOwnClient>[1]) {
    return openOwnClient(this.server.url, onReceived);
  }

  async publish(message: { readonly id: string; readonly text: string }, via: "http" | "websocket"): Promise<void> {
    if (via === "http") await publishOverHttp(this.server.url, message);
    else await this.#publisher?.publish(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Reloads the server, and resolves once its clients have moved. @throws Error if the reload failed */
export function reload(server: ServerUnderTest): Promise<void> {
  return roll(server, "reload");
}

/** The same, and the supervisor is replaced too. */
export function upgrade(server: ServerUnderTest): Promise<void> {
  return roll(server, "upgrade");
}

async function roll(server: ServerUnderTest, verb: "reload" | "upgrade"): Promise<void> {
  const answer = await server.request("POST", `/v1/${verb}`, {}, { Connection: "close" });
  const { roll: wanted = 0 } = (await answer.json()) as { readonly roll?: number };
  if (answer.status !== 202) throw new Error(`the ${verb} was refused: ${answer.status}`);
  await until(async () => {
    const { number, phase, message } = await rollOf(server);
    if (phase === "failed") throw new Error(`the ${verb} failed: ${message}`);
    return number >= wanted && phase === "done";
  }, "the clients have moved");
}

async function rollOf(server: ServerUnderTest) {
  const none = { number: 0, phase: "none", message: "" };
  try {
    const answer = await server.request("GET", "/v1/drain", undefined, { Connection: "close" });
    const { roll = none } = (await answer.json()) as { readonly roll?: typeof none };
    return roll;
  } catch {
    return none; // the worker that had the request has just closed its listener
  }
}
