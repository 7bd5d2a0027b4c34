import { loadDriver } from "../drivers/driver.ts";
import type { FanoutOptions } from "./fanout-options.ts";
import { GeneratorProcess } from "./generator-process.ts";
import { type Memory, readMemory, readUsage } from "./process-usage.ts";
import type { Program } from "./program.ts";
import { Publisher } from "./publisher.ts";
import { ServerProcess } from "./server-process.ts";
import type { Percentiles } from "./statistics.ts";

/** Measured separately, because they include the memory that a server sets up only once. */
export const firstConnections = 1000;
/** The wait after opening connections, until timers and the garbage collector are idle. */
const settleMs = 3000;
const warmUpSeconds = 2;
const timeoutMs = 15_000;

/** The result of one program in one round. */
export interface RoundResult {
  readonly memory: MemoryResult;
  /** Undefined at a rate of 0. */
  readonly delivery: DeliveryResult | undefined;
}

/** The memory of an idle server in bytes. */
export interface MemoryResult {
  readonly empty: Memory;
  readonly full: Memory;
  /** The memory with the first thousand connections; undefined if there are no further connections. */
  readonly first: Memory | undefined;
}

export interface DeliveryResult {
  readonly perSecond: number;
  /** The number of deliveries that did not arrive in time. Negative if more arrived than were published. */
  readonly missing: number;
  readonly cpuUsPerDelivery: number;
  readonly switchesPerSecond: number;
  readonly latencyMs: Percentiles | undefined;
  /** CPU use, where 1 is one core. */
  readonly serverCores: number;
  readonly generatorCores: number;
}

/** Starts the program and the load generator, measures, and stops both. */
export async function runRound(program: Program, options: FanoutOptions): Promise<RoundResult> {
  const server = await ServerProcess.start(program);
  const generator = new GeneratorProcess();
  try {
    const memory = await measureMemory(server, generator, program, options.connections);
    const delivery =
      options.perSecond === 0 ? undefined : await measureDelivery(server, generator, { ...options, program });
    return { memory, delivery };
  } finally {
    await server.close();
    await generator.close();
  }
}

async function measureMemory(
  server: ServerProcess,
  generator: GeneratorProcess,
  program: Program,
  connections: number,
): Promise<MemoryResult> {
  const settled = async (count: number): Promise<Memory> => {
    await generator.open(server.port, program, count);
    await Bun.sleep(settleMs);
    return readMemory(server.pid);
  };
  const empty = await settled(0);
  const first = await settled(Math.min(connections, firstConnections));
  if (connections <= firstConnections) return { empty, full: first, first: undefined };
  return { empty, first, full: await settled(connections - firstConnections) };
}

async function measureDelivery(
  server: ServerProcess,
  generator: GeneratorProcess,
  options: FanoutOptions & { readonly program: Program },
): Promise<DeliveryResult> {
  const publisher = await Publisher.connect(server.port, await loadDriver(options.program.driver));
  await publishAndAwait(publisher, generator, { ...options, seconds: warmUpSeconds });
  const before = readUsage(server.pid);
  const generatorBefore = await generator.report();
  const startedAt = performance.now();
  const missing = await publishAndAwait(publisher, generator, options);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = readUsage(server.pid);
  const report = await generator.report();
  const cpuUs = after.cpuUs - before.cpuUs;
  return {
    perSecond: report.messages / seconds,
    missing,
    cpuUsPerDelivery: cpuUs / report.messages,
    switchesPerSecond: (after.switches - before.switches) / seconds,
    latencyMs: report.latencyMs,
    serverCores: cpuUs / 1e6 / seconds,
    generatorCores: (report.cpuUs - generatorBefore.cpuUs) / 1e6 / seconds,
  };
}

/** Publishes for this many seconds and waits until everything has arrived. @returns the number of missing deliveries */
async function publishAndAwait(
  publisher: Publisher,
  generator: GeneratorProcess,
  { perSecond, seconds, messageLength, connections }: FanoutOptions,
): Promise<number> {
  await generator.reset();
  const count = perSecond * seconds;
  await publisher.publish(count, perSecond, messageLength);
  const expected = count * connections;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const { messages } = await generator.report();
    if (messages >= expected || performance.now() > deadline) return expected - messages;
    await Bun.sleep(5);
  }
}
