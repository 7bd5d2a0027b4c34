import { closeSync, createReadStream, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { MetricValues } from "../ops/metric-table.ts";
import type { RecordsDump } from "../schedule/memory/records.ts";
import { ordersVersion } from "../worker/orders.ts";
import type { FormerWorker } from "./adopted-worker.ts";
import type { StopKind } from "./hand-over.ts";
import type { LastHours } from "./supervisor-ops.ts";

/** The environment variable with the path of the file. Its presence makes a start a takeover. */
export const takeoverVariable = "FANFARE_TAKEOVER";
/** The version of the file, the snapshot of the history and the messages to workers together. */
export const takeoverVersion = `1.${ordersVersion}`;
/** How long a worker waits for the new supervisor. */
export const rejoinMs = 15_000;
/** Characters per write. */
const chunkLength = 1024 * 1024;

/** The data that a supervisor hands over to the program that replaces it, in the directory of its sockets. */
export interface Takeover {
  readonly version: string;
  readonly port: number;
  /** The path of the broker's socket. The other files are beside it. */
  readonly socketPath: string;
  /** Base64. */
  readonly resumeSecret: string;
  readonly generation: number;
  readonly rolls: { readonly number: number; readonly failed: number };
  readonly workers: readonly FormerWorker[];
  /** The counters of workers that have stopped. */
  readonly metrics: MetricValues;
  /** Undefined if an older program wrote the file. */
  readonly lastHours?: LastHours | undefined;
  readonly schedules?: RecordsDump | undefined;
  readonly hasHistory: boolean;
  /** How the server is to be stopped, if that was requested while the program was being replaced. */
  readonly stop?: StopKind | undefined;
}

/** Where the workers connect to the new supervisor: beside the other sockets. Another path for each roll. */
export function ordersPath(socketPath: string, roll: number): string {
  return join(dirname(socketPath), `orders${roll}`);
}

/** @returns the path of the file, for `takeoverVariable` */
export function writeTakeover(takeover: Takeover): string {
  const path = join(dirname(takeover.socketPath), "takeover.json");
  writeFileSync(path, JSON.stringify(takeover), { mode: 0o600 });
  return path;
}

/** @throws Error if the file cannot be read, or belongs to another version */
export function readTakeover(path: string): Takeover {
  const takeover = JSON.parse(readFileSync(path, "utf8")) as Takeover;
  if (takeover.version !== takeoverVersion) {
    throw new Error(`${takeoverVariable}: expected version ${takeoverVersion}, got ${takeover.version}`);
  }
  return takeover;
}

/** Writes the history in memory, one line per item. */
export function writeHistory(socketPath: string, lines: Iterable<string>): void {
  const file = openSync(historyPath(socketPath), "w", 0o600);
  let chunk = "";
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < chunkLength) continue;
    writeSync(file, chunk);
    chunk = "";
  }
  writeSync(file, chunk);
  closeSync(file);
}

export function readHistory(socketPath: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(historyPath(socketPath)), crlfDelay: Number.POSITIVE_INFINITY });
}

function historyPath(socketPath: string): string {
  return join(dirname(socketPath), "history");
}
