import { readdirSync, readFileSync } from "node:fs";

/** The resources that a process has used since its start. */
export interface Usage {
  readonly cpuUs: number;
  /** Voluntary and involuntary context switches of all its threads. */
  readonly switches: number;
}

/** The memory of a process, in bytes. */
export interface Memory {
  readonly rss: number;
  /** The part that no file backs: the program's own data. */
  readonly anonymous: number;
}

/** Linux reports CPU time to programs in ticks of 10 ms, whatever the kernel's own ticks are (man 2 times). */
const tickUs = 10_000;

/** The usage of a process and its descendants. */
export function readUsage(pid: number): Usage {
  const own = familyOf(pid).map(readOwnUsage);
  return {
    cpuUs: own.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
    switches: own.reduce((sum, { switches }) => sum + switches, 0),
  };
}

/** The memory of a process and its descendants. Shared pages count for each of them. */
export function readMemory(pid: number): Memory {
  const own = familyOf(pid).map(readOwnMemory);
  return {
    rss: own.reduce((sum, { rss }) => sum + rss, 0),
    anonymous: own.reduce((sum, { anonymous }) => sum + anonymous, 0),
  };
}

/** The process and its descendants. */
function familyOf(pid: number): readonly number[] {
  const children = threadsOf(pid).flatMap((task) =>
    readOrEmpty(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(familyOf)];
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended meanwhile
  }
}

/** A thread or process may end while its files are read. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function readOwnUsage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name in parentheses may contain anything, so fields are counted after it: utime is the 14th, stime the 15th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const threads = threadsOf(pid).map((task) => readOrEmpty(`/proc/${pid}/task/${task}/status`));
  return {
    cpuUs: (Number(fields[11]) + Number(fields[12])) * tickUs,
    switches: threads.reduce((sum, status) => sum + switchesIn(status), 0),
  };
}

function readOwnMemory(pid: number): Memory {
  const rollup = readOrEmpty(`/proc/${pid}/smaps_rollup`);
  const bytesOf = (name: string) => Number(new RegExp(`^${name}: +([0-9]+) kB$`, "m").exec(rollup)?.[1] ?? 0) * 1024;
  return { rss: bytesOf("Rss"), anonymous: bytesOf("Anonymous") };
}

function switchesIn(status: string): number {
  return Array.from(status.matchAll(/ctxt_switches:\s+([0-9]+)/g)).reduce((sum, [, count]) => sum + Number(count), 0);
}
