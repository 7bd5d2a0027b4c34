import { RedisServer } from "../tests/redis/redis.ts";
import { type BrokerBenchOptions, parseBrokerBenchOptions, usageOf } from "./broker/broker-options.ts";
import { type RedisRound, runRedisRound, type WorkersOnRedis } from "./redis/redis-round.ts";
import { redisTable } from "./redis/report.ts";

/** Compares the cost of a publication with two workers on Redis and with one process that keeps the history itself. */
async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 1;
  const results: Record<WorkersOnRedis, RedisRound[]> = { alone: [], direct: [], "through a host": [] };
  for (let round = 1; round <= options.rounds; round++) {
    // In turn, so that other load on the machine affects all of them alike.
    for (const kind of ["alone", "direct", "through a host"] as const) {
      console.error(`round ${round} of ${options.rounds}: ${kind}`);
      await using server = await RedisServer.start();
      results[kind].push(await runRedisRound(kind, server, options));
    }
  }
  console.log(options.asJson ? JSON.stringify({ ...options, ...results }, null, 2) : redisTable(results, options));
  return 0;
}

function readOptions(): BrokerBenchOptions | undefined {
  try {
    return parseBrokerBenchOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usageOf("redis")}`);
    return undefined;
  }
}

process.exitCode = await main();
