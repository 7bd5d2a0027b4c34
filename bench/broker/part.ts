import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { Broker, ChannelDirectory } from "../../server/broker/broker.ts";
import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import { IpcBroker } from "../../server/broker/ipc/client.ts";
import { IpcHost } from "../../server/broker/ipc/host.ts";
import type { HistoryRules } from "../../server/broker/log.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";
import { RedisBroker } from "../../server/broker/redis/broker.ts";
import { systemClock } from "../../server/lib/clock.ts";
import { parseRedisUrl } from "../../server/lib/redis/address.ts";
import { percentilesOf } from "../fanout/statistics.ts";
import type { BrokerBenchOptions } from "./broker-options.ts";
import type { PartAnswer, PartCommand } from "./part-messages.ts";

const channel = "bench" as ChannelName;
const rules: HistoryRules = { historySize: 1000, historyTtl: 300_000, historyBytes: 1024 * 1024 };

/**
 * One participating process:
 *
 * - `part.ts alone`: has its own broker
 * - `part.ts worker PATH`: uses the broker of the host at PATH
 * - `part.ts host PATH`: a host
 * - `part.ts redis URL`: uses Redis directly
 * - `part.ts redis-host PATH URL`: a host that uses Redis
 */
class Part {
  readonly #broker: Broker | undefined;
  #deliveries = 0;
  #latenciesMs: number[] | undefined;

  constructor(broker: Broker | undefined) {
    this.#broker = broker;
  }

  async start(): Promise<void> {
    await this.#broker?.start({
      onPublication: (it) => this.#take(it),
      onBreak: () => {},
      onReset: () => {},
      onHealth: () => {},
    });
    await this.#broker?.listen(channel);
  }

  async handle(command: PartCommand): Promise<PartAnswer> {
    switch (command.type) {
      case "usage": {
        const { user, system } = process.cpuUsage();
        return { type: "usage", usage: { cpuUs: user + system, deliveries: this.#deliveries } };
      }
      case "throughput":
        return this.#measureThroughput(command.options);
      case "latency":
        return this.#measureLatency(command.options);
    }
  }

  /** Runs this many publishers. Each waits for its answer before it publishes again. */
  async #measureThroughput({ inFlight, messageLength, seconds }: BrokerBenchOptions): Promise<PartAnswer> {
    const begin = performance.now();
    const end = begin + seconds * 1000;
    let published = 0;
    const publish = async () => {
      while (performance.now() < end) {
        await this.#publish(messageLength);
        published++;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, publish));
    return { type: "throughput", published, seconds: (performance.now() - begin) / 1000 };
  }

  /** Publishes each message when it is due, however long the others take. */
  async #measureLatency({ perSecond, messageLength, seconds }: BrokerBenchOptions): Promise<PartAnswer> {
    const latencies: number[] = [];
    this.#latenciesMs = latencies;
    const calls: Promise<unknown>[] = [];
    const begin = performance.now();
    for (let count = 0; count < perSecond * seconds; count++) {
      const wait = begin + (count * 1000) / perSecond - performance.now();
      if (wait > 0) await Bun.sleep(wait);
      calls.push(this.#publish(messageLength));
    }
    await Promise.all(calls);
    this.#latenciesMs = undefined;
    return { type: "latency", latencyMs: percentilesOf(latencies) };
  }

  async #publish(length: number) {
    if (this.#broker === undefined) throw new Error("a host does not publish");
    return this.#broker.publish({ channel, message: `${performance.now()};`.padEnd(length, "x") }, rules);
  }

  #take({ message = "" }: Publication): void {
    this.#deliveries++;
    this.#latenciesMs?.push(performance.now() - Number.parseFloat(message));
  }
}

async function makeBroker(role: string | undefined, place: string, url: string): Promise<Broker | undefined> {
  if (role === "alone") return new EmbeddedBroker(new MemoryLog());
  if (role === "worker") return new IpcBroker({ path: place, name: `worker ${process.pid}` });
  if (role === "redis") return makeRedisBroker(place);
  const broker =
    role === "redis-host" ? Object.assign(makeRedisBroker(url), noDirectory) : new EmbeddedBroker(new MemoryLog());
  await new IpcHost({ path: place, broker }).start();
  return undefined;
}

/** A host needs a cluster, which this bench does not use. */
const noDirectory: ChannelDirectory = { list: async () => [], summary: async () => undefined };

const record = { format: "1", secret: "", history: "" };

function makeRedisBroker(url: string): RedisBroker {
  const address = parseRedisUrl(url);
  if (typeof address === "string") throw new Error(address);
  const options = { prefix: "bench", record, replicas: 0, idWindowMs: 300_000, rulesOf: () => rules };
  return new RedisBroker({ address, ...options, clock: systemClock });
}

function answer(it: PartAnswer): void {
  process.send?.(it);
}

function failed(error: unknown): PartAnswer {
  return { type: "failed", why: error instanceof Error ? error.message : String(error) };
}

const [, , role, place = "", url = ""] = process.argv;
// The bench has exited.
process.on("disconnect", () => process.exit(0));
try {
  const part = new Part(await makeBroker(role, place, url));
  await part.start();
  process.on("message", (command: PartCommand) => void part.handle(command).catch(failed).then(answer));
  answer({ type: "ready" });
} catch (error) {
  answer(failed(error));
}
