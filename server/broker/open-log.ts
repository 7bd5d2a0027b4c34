import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "./log.ts";
import { MemoryLog } from "./memory/log.ts";
import type { BrokerOptions } from "./options.ts";
import { SqliteLog } from "./sqlite/log.ts";

/**
 * The log that the settings ask for, open: durable with a directory, else in memory.
 * @throws UnusableStorage that names DATA_DIR, what is wrong with the directory, and the way out.
 */
export async function openLog(
  { dataDir, historyBytesTotal }: Pick<BrokerOptions, "dataDir" | "historyBytesTotal">,
  clock: Clock = systemClock,
): Promise<Log> {
  const limits = { totalBytes: historyBytesTotal };
  const log =
    dataDir === undefined
      ? new MemoryLog({ ...limits, clock })
      : new SqliteLog({ ...limits, clock, directory: dataDir });
  await log.open();
  return log;
}
