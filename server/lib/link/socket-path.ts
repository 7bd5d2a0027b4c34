import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The maximum length of a socket path without the final zero: the field has 108 bytes on Linux, 104 on macOS (man 7 unix). */
export const maxSocketPathBytes = process.platform === "linux" ? 107 : 103;

/** The longest file name: `fanfare-<uid>-<port>.sock`; `fanfare-x7Gh2k/cluster` is shorter. */
const maxNameBytes = "/fanfare-4294967295-65535.sock".length;

/** The default directory for sockets: it exists on every system, and its path is short. */
export const usualSocketFolder = "/tmp";

/**
 * The directory for sockets of this process: the system's directory for temporary files (TMPDIR), or /tmp if the path of
 * that directory is too long.
 */
export function socketFolder(): string {
  const isTooLong = Buffer.byteLength(tmpdir()) + maxNameBytes > maxSocketPathBytes;
  return isTooLong && process.platform !== "win32" ? usualSocketFolder : tmpdir();
}

/**
 * Makes a path for a socket that only this user can reach: in a new directory of mode 0700 in `socketFolder()`. New each
 * time, so that the socket of a dead process is never in the way.
 *
 * makeSocketPath("fanfare") -> "/tmp/fanfare-x7Gh2k/socket"
 *
 * @throws Error that says what to do, if the directory cannot be made or its path is too long
 */
export function makeSocketPath(prefix: string): string {
  const path = join(mkdtempSync(join(socketFolder(), `${prefix}-`)), "socket"); // mkdtemp makes it with mode 0700 (man 3 mkdtemp)
  try {
    checkSocketPath(path);
  } catch (error) {
    removeSocketPath(path);
    throw error;
  }
  return path;
}

/** Removes what `makeSocketPath` made; does nothing if it is gone. */
export function removeSocketPath(path: string): void {
  rmSync(dirname(path), { recursive: true, force: true });
}

/** @throws Error for a path that is too long; the system itself would only report "invalid argument". */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= maxSocketPathBytes) return;
  throw new Error(
    `expected a socket path of at most ${maxSocketPathBytes} bytes, but ${path} has ${length}. Set TMPDIR to a shorter path.`,
  );
}
