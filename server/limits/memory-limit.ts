import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { formatByteSize } from "../lib/byte-size.ts";

/** The part of the memory that the server uses by default. The rest is for the kernel's socket buffers and other programs. */
const usedShare = 0.8;
/** A process needs this much before it has any client. */
const leastBytes = 96 * 1024 ** 2;
/** The memory that the supervisor needs in addition to the history. */
const supervisorBytes = 100 * 1024 ** 2;
/** The most memory that a history needs, per byte of its limit: see docs/operate.md. */
const historyFactor = 1.5;

export interface MemorySettings {
  /** 0: from the machine. */
  readonly maxMemory: number;
  /** Processes that serve clients, besides a supervisor that has the history; undefined for a single process. */
  readonly workers: number | undefined;
  readonly historyBytesTotal: number;
}

/** How much memory one process that serves clients may use. */
export function memoryLimitOf({ maxMemory, workers, historyBytesTotal }: MemorySettings, machineBytes: number): number {
  const total = maxMemory > 0 ? maxMemory : machineBytes * usedShare;
  if (workers === undefined) return Math.max(leastBytes, total);
  const forWorkers = total - supervisorBytes - historyBytesTotal * historyFactor;
  return Math.max(leastBytes, forWorkers / workers);
}

/**
 * One sentence if MAX_MEMORY is less than the server may need with a full history, since no process is given less than it needs
 * before it has a client. Workers of the number `auto` are counted as one.
 */
export function tooLittleMemory(settings: {
  readonly maxMemory: number;
  readonly workers: number | "auto" | undefined;
  readonly historyBytesTotal: number;
}): readonly string[] {
  const { maxMemory, workers, historyBytesTotal } = settings;
  const shared = workers === undefined ? 0 : supervisorBytes + historyBytesTotal * historyFactor;
  const least = shared + leastBytes * (typeof workers === "number" ? workers : 1);
  if (maxMemory === 0 || maxMemory >= least) return [];
  const size = (bytes: number) => formatByteSize(Math.ceil(bytes / 1024 ** 2) * 1024 ** 2);
  const parts = `${size(leastBytes)} for each worker, and ${size(shared)} for the supervisor with HISTORY_BYTES_TOTAL`;
  const why = workers === undefined ? "" : `: ${parts}`;
  return [`MAX_MEMORY (${formatByteSize(maxMemory)}) cannot be kept, because the server may need ${size(least)}${why}`];
}

/** The memory of the machine or, in a container with a limit, of the container (cgroup v2, then v1). */
export function machineMemory(readText: (path: string) => string = (path) => readFileSync(path, "utf8")): number {
  const limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"].flatMap((path) => {
    try {
      const text = readText(path).trim();
      return /^[0-9]{1,18}$/.test(text) ? [Number(text)] : []; // "max": no limit
    } catch {
      return []; // not this version, or not Linux
    }
  });
  return Math.min(totalmem(), ...limits);
}
