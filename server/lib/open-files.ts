import { readFileSync } from "node:fs";

/**
 * How many files this process may open, sockets included; undefined if the system does not say (only Linux does, man 5 proc).
 * The runtime has already raised the soft limit to the hard one.
 */
export function openFilesLimit(readText: () => string = readOwnLimits): number | undefined {
  try {
    const [, soft = ""] = /^Max open files +([0-9]+|unlimited)/m.exec(readText()) ?? [];
    return /^[0-9]+$/.test(soft) ? Number(soft) : undefined;
  } catch {
    return undefined; // no /proc: the limit is unknown
  }
}

/**
 * How many connections to accept under a limit of open files. Some files are reserved for HTTP requests, storage and links
 * between workers: a process without free file descriptors cannot even refuse a client, and uses a full core trying.
 */
export function connectionsWithin(maxConnections: number, filesLimit: number | undefined): number {
  if (filesLimit === undefined) return maxConnections;
  return Math.max(1, Math.min(maxConnections, filesLimit - reserveOf(filesLimit)));
}

/** A warning if the limit of open files is too low for MAX_CONNECTIONS; otherwise undefined. */
export function openFilesWarning(maxConnections: number, filesLimit: number | undefined): string | undefined {
  const accepted = connectionsWithin(maxConnections, filesLimit);
  if (accepted >= maxConnections || maxConnections === Number.POSITIVE_INFINITY) return undefined;
  return (
    `MAX_CONNECTIONS is ${maxConnections}, but this process may open only ${filesLimit} files, so it accepts ${accepted} ` +
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
