import { makeSocketPath, removeSocketPath } from "../../server/lib/link/socket-path.ts";
import type { BrokerBenchOptions } from "./broker-options.ts";
import { PartProcess } from "./part-process.ts";

export type BrokerKind = "embedded" | "ipc";

/** The result of one broker in one round. */
export interface RoundResult {
  readonly perSecond: number;
  /** CPU time per publication at full throughput, microseconds. */
  readonly workerCpuUs: number;
  readonly hostCpuUs: number | undefined;
  /** CPU time per delivery of the workers that only listen, on average. */
  readonly listenerCpuUs: number | undefined;
  readonly latencyP50Ms: number | undefined;
  readonly latencyP99Ms: number | undefined;
}

interface Parts {
  readonly worker: PartProcess;
  readonly host: PartProcess | undefined;
  readonly listeners: readonly PartProcess[];
}

/** @throws Error if a process cannot start or exits */
export async function runRound(kind: BrokerKind, options: BrokerBenchOptions): Promise<RoundResult> {
  const path = makeSocketPath("bench");
  const started: PartProcess[] = [];
  const start = async (...args: readonly string[]) => {
    const part = await PartProcess.start(...args);
    started.push(part);
    return part;
  };
  try {
    const host = kind === "ipc" ? await start("host", path) : undefined;
    const worker = await (kind === "ipc" ? start("worker", path) : start("alone"));
    const listeners: PartProcess[] = [];
    while (kind === "ipc" && listeners.length < options.listeners) listeners.push(await start("worker", path));
    return await measure({ host, worker, listeners }, options);
  } finally {
    for (const part of started) await part.close();
    removeSocketPath(path);
  }
}

async function measure({ worker, host, listeners }: Parts, options: BrokerBenchOptions): Promise<RoundResult> {
  await worker.throughput({ ...options, seconds: 0.5 }); // Warms up, so that compilation is not measured.
  const parts = [worker, ...(host === undefined ? [] : [host]), ...listeners];
  const before = await Promise.all(parts.map((part) => part.usage()));
  const { published, seconds } = await worker.throughput(options);
  const after = await Promise.all(parts.map((part) => part.usage()));
  const used = after.map((usage, at) => ({
    cpuUs: usage.cpuUs - (before[at]?.cpuUs ?? 0),
    deliveries: usage.deliveries - (before[at]?.deliveries ?? 0),
  }));
  const [ofWorker, ofHost] = used;
  const ofListeners = used.slice(parts.length - listeners.length);
  const delivered = ofListeners.reduce((sum, { deliveries }) => sum + deliveries, 0);
  const { latencyMs } = await worker.latency(options);
  return {
    perSecond: published / seconds,
    workerCpuUs: (ofWorker?.cpuUs ?? Number.NaN) / published,
    hostCpuUs: host === undefined ? undefined : (ofHost?.cpuUs ?? Number.NaN) / published,
    listenerCpuUs: delivered === 0 ? undefined : ofListeners.reduce((sum, { cpuUs }) => sum + cpuUs, 0) / delivered,
    latencyP50Ms: latencyMs?.p50,
    latencyP99Ms: latencyMs?.p99,
  };
}
