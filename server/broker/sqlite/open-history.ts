import type { LogLimits } from "../log-limits.ts";
import { Archive } from "./archive.ts";
import { HistoryFile } from "./history-file.ts";
import { checkStructure, giveBack, type OpenDatabase, openDatabase, schemaVersion } from "./open-database.ts";
import { upgrade } from "./upgrade.ts";

/** When a history is opened: the log's steady time and the wall clock's, milliseconds since 1970. */
export interface OpeningTime {
  readonly now: number;
  readonly wall: number;
}

/**
 * Opens the history of a directory, made if it is missing, upgraded if it is of an older version.
 * @throws as `openDatabase`; DamagedHistory for one that contradicts itself
 */
export function openHistory(directory: string, limits: LogLimits, { now, wall }: OpeningTime): Archive {
  const { database, isNew, wasUpgraded } = openCurrent(directory);
  try {
    if (!isNew) checkStructure(database);
    giveBack(database);
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
