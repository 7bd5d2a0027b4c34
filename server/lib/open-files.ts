import { readFileSync } from "node:fs";

/**
 * How many files this process may have open, sockets among them; undefined where the system does not say (only Linux
 * does, man 5 proc). The runtime has raised the soft limit to the hard one by then.
 */
export function openFilesLimit(readText: () => string = readOwnLimits): number | undefined {
  try {
    const [, soft = ""] = /^Max open files +([0-9]+|unlimited)/m.exec(readText()) ?? [];
    return /^[0-9]+$/.test(soft) ? Number(soft) : undefined;
  } catch {
    return undefined; // no /proc: the limit is not known, and holds all the same
  }
}

/**
 * How many connections to accept under a limit of open files. Some files are left for HTTP requests, storage and the links
 * between workers: without a free file a process cannot even refuse a client, and takes a core to find that out.
 */
export function connectionsWithin(maxConnections: number, filesLimit: number | undefined): number {
  if (filesLimit === undefined) return maxConnections;
  return Math.max(1, Math.min(maxConnections, filesLimit - reserveOf(filesLimit)));
}

/** What to tell a person whose limit of open files is too low for the connections that are wanted; undefined if it is not. */
export function openFilesWarning(maxConnections: number, filesLimit: number | undefined): string | undefined {
  const accepted = connectionsWithin(maxConnections, filesLimit);
  if (accepted >= maxConnections || maxConnections === Number.POSITIVE_INFINITY) return undefined;
  return (
    `MAX_CONNECTIONS is ${maxConnections}, but a process may open ${filesLimit} files here, so it accepts ${accepted} ` +
    "connections. Raise the limit (ulimit -n, LimitNOFILE= in systemd), or lower MAX_CONNECTIONS."
  );
}

/** An eighth, from 64 to 1024 files. */
function reserveOf(filesLimit: number): number {
  return Math.max(64, Math.min(1024, Math.floor(filesLimit / 8)));
}

function readOwnLimits(): string {
  return readFileSync("/proc/self/limits", "utf8");
}
