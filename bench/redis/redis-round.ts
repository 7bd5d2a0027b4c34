import { readFileSync } from "node:fs";
import { makeSocketPath, removeSocketPath } from "../../server/lib/link/socket-path.ts";
import type { RedisServer } from "../../tests/redis/redis.ts";
import type { BrokerBenchOptions } from "../broker/broker-options.ts";
import { PartProcess } from "../broker/part-process.ts";

/** One process without Redis, two workers that use Redis directly, or two workers with one host that uses Redis. */
export type WorkersOnRedis = "alone" | "direct" | "through a host";

/** The result of one arrangement in one round. Costs are per publication, at full throughput. */
export interface RedisRound {
  readonly perSecond: number;
  /** CPU time of all our processes in microseconds. Both workers receive everything. */
  readonly cpuUs: number;
  readonly redisCpuUs: number | undefined;
  /** The number of scripts and commands that Redis received. */
  readonly commands: number | undefined;
  readonly bytesIn: number | undefined;
  readonly bytesOut: number | undefined;
  readonly latencyP50Ms: number | undefined;
  readonly latencyP99Ms: number | undefined;
}

/** @throws Error if a process cannot start or exits */
export async function runRedisRound(
  kind: WorkersOnRedis,
  server: RedisServer,
  options: BrokerBenchOptions,
): Promise<RedisRound> {
  const path = makeSocketPath("bench");
  const parts: PartProcess[] = [];
  const start = async (...args: readonly string[]) => {
    parts.push(await PartProcess.start(...args));
  };
  try {
    if (kind === "through a host") await start("redis-host", path, server.url);
    const hosts = parts.length;
    if (kind === "alone") await start("alone");
    else for (let n = 0; n < 2; n++) await (kind === "direct" ? start("redis", server.url) : start("worker", path));
    return await measure(
      { parts, workers: parts.slice(hosts), server: kind === "alone" ? undefined : server },
      options,
    );
  } finally {
    for (const part of parts) await part.close();
    removeSocketPath(path);
  }
}

interface Arrangement {
  readonly parts: readonly PartProcess[];
  readonly workers: readonly PartProcess[];
  readonly server: RedisServer | undefined;
}

async function measure({ parts, workers, server }: Arrangement, options: BrokerBenchOptions): Promise<RedisRound> {
  const publish = (seconds: number) => Promise.all(workers.map((it) => it.throughput({ ...options, seconds })));
  await publish(0.5); // Warms up, so that compilation is not measured.
  const cpuOf = async () => (await Promise.all(parts.map((it) => it.usage()))).reduce((sum, it) => sum + it.cpuUs, 0);
  const [cpuBefore, before] = [await cpuOf(), await readFigures(server)];
  const results = await publish(options.seconds);
  const [cpuAfter, after] = [await cpuOf(), await readFigures(server)];
  const published = results.reduce((sum, it) => sum + it.published, 0);
  const [first] = workers;
  const latency = await first?.latency(options);
  const per = (name: keyof Figures) =>
    after[name] === undefined ? undefined : (after[name] - (before[name] ?? 0)) / published;
  return {
    perSecond: results.reduce((sum, it) => sum + it.published / it.seconds, 0),
    cpuUs: (cpuAfter - cpuBefore) / published,
    redisCpuUs: per("cpuUs"),
    commands: per("commands"),
    bytesIn: per("bytesIn"),
    bytesOut: per("bytesOut"),
    latencyP50Ms: latency?.latencyMs?.p50,
    latencyP99Ms: latency?.latencyMs?.p99,
  };
}

type Figures = Readonly<Record<"cpuUs" | "commands" | "bytesIn" | "bytesOut", number | undefined>>;

async function readFigures(server: RedisServer | undefined): Promise<Figures> {
  if (server === undefined) return { cpuUs: undefined, commands: undefined, bytesIn: undefined, bytesOut: undefined };
  const stats = String(await server.command("INFO", "stats"));
  const calls = String(await server.command("INFO", "commandstats"));
  const number = (text: string, name: string) =>
    Number(new RegExp(`^${name}:?(?:calls=)?(\\d+)`, "m").exec(text)?.[1] ?? 0);
  return {
    cpuUs: cpuUsOf(server.pid),
    // Only commands of clients. Commands inside scripts do not count.
    commands: number(calls, "cmdstat_evalsha"),
    bytesIn: number(stats, "total_net_input_bytes"),
    bytesOut: number(stats, "total_net_output_bytes"),
  };
}

/** The CPU time of Redis, which the kernel counts in ticks of 10 ms. */
function cpuUsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
