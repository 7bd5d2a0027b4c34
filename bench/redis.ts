import { RedisServer } from "../tests/redis/redis.ts";
import { parseBrokerBenchOptions, usageOf } from "./broker/broker-options.ts";
import { readOptions } from "./fanout/read-options.ts";
import { type RedisRound, runRedisRound, type WorkersOnRedis } from "./redis/redis-round.ts";
import { redisTable } from "./redis/report.ts";

/** Compares the cost of a publication with two workers on Redis and with one process that keeps the history itself. */
async function main(): Promise<number> {
  const options = readOptions(parseBrokerBenchOptions, usageOf("redis"));
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

process.exitCode = await main();
