import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import type { HistoryRules } from "../../server/broker/log.ts";
import { openLog } from "../../server/broker/open-log.ts";
import { type Percentiles, percentilesOf } from "../fanout/statistics.ts";
import type { LogBenchOptions } from "./log-bench-options.ts";

/** The result of one round. */
export interface LogRound {
  /** The number of acknowledged messages. */
  readonly perSecond: number;
  /** CPU time of all threads. */
  readonly cpuUsPerMessage: number;
  /** The time from the call to the acknowledgement. */
  readonly latencyMs: Percentiles;
}

/** The default of the setting. */
const rules: HistoryRules = { historySize: 1000, historyTtl: 300_000, historyBytes: 1024 ** 2 };
const historyBytesTotal = 256 * 1024 ** 2;
const warmUpMs = 500;

/** Publishes through its own broker for some seconds. Messages have no IDs, because the memory for IDs would be full in seconds. */
export async function runLogRound(kind: "memory" | "sqlite", options: LogBenchOptions): Promise<LogRound> {
  const directory = await mkdtemp(join(options.directory, "fanfare-bench-"));
  const broker = new EmbeddedBroker(
    await openLog({ dataDir: kind === "sqlite" ? directory : undefined, historyBytesTotal }),
  );
  try {
    await broker.start({ onPublication: () => {}, onBreak: () => {}, onReset: () => {}, onHealth: () => {} });
    await publishFor(warmUpMs, broker, options);
    const [startedAt, startedCpu] = [performance.now(), process.cpuUsage()];
    const latencies = await publishFor(options.seconds * 1000, broker, options);
    const { user, system } = process.cpuUsage(startedCpu);
    const latencyMs = percentilesOf(latencies);
    if (latencyMs === undefined) throw new Error("nothing was acknowledged");
    return {
      perSecond: latencies.length / ((performance.now() - startedAt) / 1000),
      cpuUsPerMessage: (user + system) / latencies.length,
      latencyMs,
    };
  } finally {
    await broker.close();
    await rm(directory, { recursive: true });
  }
}

/** @returns how long each message took, milliseconds */
async function publishFor(
  ms: number,
  broker: EmbeddedBroker,
  { publishers, channels, size }: LogBenchOptions,
): Promise<readonly number[]> {
  const latencies: number[] = [];
  const message = "m".repeat(size);
  const until = performance.now() + ms;
  let count = 0;
  const publish = async () => {
    for (let now = performance.now(); now < until; ) {
      const channel = `room:${count % channels}` as ChannelName;
      count++;
      await broker.publish({ channel, message }, rules);
      const answeredAt = performance.now();
      latencies.push(answeredAt - now);
      now = answeredAt;
    }
  };
  await Promise.all(Array.from({ length: publishers }, publish));
  return latencies;
}
