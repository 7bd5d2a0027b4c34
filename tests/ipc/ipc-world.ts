import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import type { Broker, ChannelDirectory } from "../../server/broker/broker.ts";
import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import { IpcBroker, type IpcBrokerOptions } from "../../server/broker/ipc/client.ts";
import { IpcHost, type IpcHostOptions } from "../../server/broker/ipc/host.ts";
import type { HistoryRules } from "../../server/broker/log.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";
import { makeSocketPath, removeSocketPath } from "../../server/lib/link/socket-path.ts";

export const a = "a" as ChannelName;
export const b = "b" as ChannelName;
export const rules: HistoryRules = { historySize: 10_000, historyTtl: 60_000, historyBytes: 100_000_000 };

/** One socket path, a host that can stop and restart there, and workers. All of them end with the test. */
export class IpcWorld {
  readonly path = makeSocketPath("test");
  readonly #workers: IpcWorker[] = [];
  #host: IpcHost | undefined;

  /** @param broker By default the host has a broker with a log in memory, which is lost with the host. */
  async startHost(options: Partial<IpcHostOptions> = {}): Promise<IpcHost> {
    const broker: Broker & ChannelDirectory = new EmbeddedBroker(new MemoryLog());
    this.#host = new IpcHost({ path: this.path, broker, ...options });
    await this.#host.start();
    return this.#host;
  }

  async connect(options: Partial<IpcBrokerOptions> = {}): Promise<IpcWorker> {
    const worker = this.add(options);
    await worker.start();
    return worker;
  }

  /** Makes a worker that is not started yet. */
  add(options: Partial<IpcBrokerOptions> = {}): IpcWorker {
    const worker = new IpcWorker({ path: this.path, name: `worker ${this.#workers.length + 1}`, ...options });
    this.#workers.push(worker);
    return worker;
  }

  async end(): Promise<void> {
    for (const { broker } of this.#workers) await broker.close();
    await this.#host?.close();
    removeSocketPath(this.path);
  }
}

/** A worker's broker, and the events that it reported. */
export class IpcWorker {
  readonly broker: IpcBroker;
  readonly received: Publication[] = [];
  /** The reported events, in order, such as `healthy`, `unhealthy`, `break` and `gone`. */
  readonly events: string[] = [];
  onPublication: (publication: Publication) => void = () => {};
  onBreak: () => void = () => {};
  #waiters: (() => void)[] = [];

  constructor(options: IpcBrokerOptions) {
    this.broker = new IpcBroker({ ...options, onHostGone: () => this.#record("gone") });
  }

  start(): Promise<void> {
    return this.broker.start({
      onPublication: (publication) => {
        this.received.push(publication);
        this.onPublication(publication);
        this.#wake();
      },
      onBreak: () => {
        this.onBreak();
        this.#record("break");
      },
      onReset: (channel, { offset }) => this.#record(`reset ${channel} ${offset}`),
      onHealth: (healthy) => this.#record(healthy ? "healthy" : "unhealthy"),
    });
  }

  publish(draft: Partial<Draft> = {}) {
    return this.broker.publish({ channel: a, message: "m", ...draft }, rules);
  }

  /** Waits until the condition is met, checked after every event. The test's timeout ends it. */
  async until(isMet: (worker: this) => boolean): Promise<void> {
    while (!isMet(this)) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Waits until an event was reported this often. */
  untilEvent(name: string, times = 1): Promise<void> {
    return this.until(({ events }) => events.filter((it) => it === name).length >= times);
  }

  #record(event: string): void {
    this.events.push(event);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
