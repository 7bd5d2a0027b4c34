import type { LogLimits } from "../log-limits.ts";
import { Archive } from "./archive.ts";
import { HistoryFile } from "./history-file.ts";
import { checkStructure, type OpenDatabase, openDatabase, schemaVersion, shrink } from "./open-database.ts";
import { upgrade } from "./upgrade.ts";

/** The time of opening: the log's steady time and the wall clock's, milliseconds since 1970. */
export interface OpeningTime {
  readonly now: number;
  readonly wall: number;
}

/**
 * Opens the history of a directory. Creates it if it is missing, and upgrades an older version.
 * @throws as `openDatabase`; DamagedHistory if it is inconsistent
 */
export function openHistory(directory: string, limits: LogLimits, { now, wall }: OpeningTime): Archive {
  const { database, isNew, wasUpgraded } = openCurrent(directory);
  try {
    if (!isNew) checkStructure(database);
    shrink(database);
  } catch (error) {
    database.close();
    throw error;
  }
  const file = new HistoryFile(database);
  try {
    return new Archive({ directory, file, isNew: isNew || wasUpgraded, limits, now, wall });
  } catch (error) {
    file.close();
    throw error;
  }
}

function openCurrent(directory: string): OpenDatabase & { readonly wasUpgraded: boolean } {
  const opened = openDatabase(directory);
  if (opened.version === schemaVersion) return { ...opened, wasUpgraded: false };
  upgrade(opened.database, directory);
  return { ...openDatabase(directory), wasUpgraded: true };
}
