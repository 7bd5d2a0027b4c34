import { makeToken } from "../../server/auth/token.ts";
import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";
import { MemoryCluster } from "../../server/cluster/memory/cluster.ts";
import { loadSettings } from "../../server/config/load.ts";
import { systemClock } from "../../server/lib/clock.ts";
import { MemoryPresence } from "../../server/presence/memory/store.ts";
import { openScheduleStore } from "../../server/schedule/open-store.ts";
import { FanfareServer } from "../../server/worker/fanfare-server.ts";
import { SocketUnderTest } from "./socket.ts";
import { StreamUnderTest } from "./stream.ts";

type Options = Parameters<typeof loadSettings>[0]["options"];

export const apiKey = "5f2c81d09be7463aa1";
const secret = "a secret of thirty-two bytes or more";

/**
 * The whole server in this process, on a port of its own. The clock of the rates stops until a test moves it, so limits are
 * exact.
 */
export class StillServer implements AsyncDisposable {
  readonly #server: FanfareServer;
  #monotonic = 1_000_000;
  #url = "";

  private constructor(options: Options) {
    const inputs = { env: {}, flags: new Map(), configPath: undefined, readText: () => undefined };
    const quiet = { port: 0, notificationInterval: 0, apiKey, jwtSecret: secret };
    const { settings } = loadSettings({ ...inputs, options: { ...quiet, ...options } });
    const clock = { ...systemClock, monotonic: () => this.#monotonic };
    const broker = new EmbeddedBroker(new MemoryLog({ clock: systemClock }), systemClock);
    const [cluster, presence] = [MemoryCluster.alone(systemClock), new MemoryPresence(systemClock)];
    const schedules = openScheduleStore(settings, systemClock);
    this.#server = new FanfareServer(settings, { broker, cluster, presence, schedules, clock });
  }

  /** A secured server with one API key. */
  static async start(options: Options = {}): Promise<StillServer> {
    const server = new StillServer(options);
    const { port } = await server.#server.start();
    server.#url = `127.0.0.1:${port}`;
    return server;
  }

  get url(): string {
    return `http://${this.#url}`;
  }

  /** Lets time pass for the rates. */
  move(ms: number): void {
    this.#monotonic += ms;
  }

  /** A token that allows this user everything. */
  tokenOf(sub: string): Promise<string> {
    return makeToken({ secret, sub, subscribe: ["*"], publish: ["*"], expiresInS: 3600 });
  }

  async connect(userId: string, query = ""): Promise<SocketUnderTest> {
    return SocketUnderTest.open(`ws://${this.#url}/ws?token=${await this.tokenOf(userId)}${query}`);
  }

  stream(userId: string, query = "", headers: Record<string, string> = {}): Promise<StreamUnderTest> {
    return this.tokenOf(userId).then((token) =>
      StreamUnderTest.open(`${this.url}/sse?token=${token}${query}`, headers),
    );
  }

  /** The epoch of a channel that has messages. */
  async epochOf(channel: string): Promise<string> {
    const answer = await this.request(undefined, "GET", `/v1/channels/${channel}/history?since=last:1`);
    return ((await answer.json()) as { epoch: string }).epoch;
  }

  /** Connects without a user. */
  connectAnonymously(): Promise<SocketUnderTest> {
    return SocketUnderTest.open(`ws://${this.#url}/ws`);
  }

  /** A request with the user's token, or with the API key. */
  async request(userId: string | undefined, method: string, path: string, body?: object): Promise<Response> {
    const credential = userId === undefined ? apiKey : await this.tokenOf(userId);
    const headers = { Authorization: `Bearer ${credential}`, "Content-Type": "application/json" };
    return fetch(`${this.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stopNow();
  }
}
