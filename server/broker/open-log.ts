import type { ChannelName } from "../../protocol/channel-name.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { HistoryRules, RuledLog } from "./log.ts";
import { type LogSettings, limitsOf } from "./log-limits.ts";
import { MemoryLog } from "./memory/log.ts";
import type { BrokerOptions } from "./options.ts";
import type { SqliteLog } from "./sqlite/log.ts";

/** Dependencies of a log. */
export interface LogEnvironment {
  readonly clock?: Clock;
  /**
   * The rules of a channel under the current settings. A durable log applies them to stored channels at start-up. Without
   * it, the rules of a channel's last publication apply.
   */
  rulesOf?(channel: ChannelName): HistoryRules;
}

/**
 * Opens the configured log: durable with a directory, otherwise in memory.
 * @throws UnusableStorage that names DATA_DIR, what is wrong with the directory, and what to do.
 */
export async function openLog(
  settings: LogSettings & Pick<BrokerOptions, "dataDir">,
  { clock = systemClock, rulesOf }: LogEnvironment = {},
): Promise<RuledLog> {
  const limits = limitsOf(settings);
  const { dataDir: directory } = settings;
  const log =
    directory === undefined
      ? new MemoryLog({ ...limits, clock })
      : await makeSqliteLog({ ...limits, clock, directory, ...(rulesOf === undefined ? {} : { rulesOf }) });
  await log.open();
  return log;
}

/** Imported here, so that a server without DATA_DIR does not keep it in memory. */
async function makeSqliteLog(options: ConstructorParameters<typeof SqliteLog>[0]): Promise<SqliteLog> {
  const sqlite = await import("./sqlite/log.ts");
  return new sqlite.SqliteLog(options);
}
