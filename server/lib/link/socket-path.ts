import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** What the system's address of a socket holds without its final zero: 108 bytes on Linux, 104 on macOS (man 7 unix). */
export const maxSocketPathBytes = process.platform === "linux" ? 107 : 103;

/** The longest name in it: `fanfare-<uid>-<port>.sock`; `fanfare-x7Gh2k/cluster` is shorter. */
const maxNameBytes = "/fanfare-4294967295-65535.sock".length;

/** Where servers on this machine have their sockets if nothing else is said: every system has it, and its path is short. */
export const usualSocketFolder = "/tmp";

/**
 * Where sockets of this process go: the system's place for temporary files (TMPDIR), or /tmp where the path of that
 * place is too long for a socket in it.
 */
export function socketFolder(): string {
  const isTooLong = Buffer.byteLength(tmpdir()) + maxNameBytes > maxSocketPathBytes;
  return isTooLong && process.platform !== "win32" ? usualSocketFolder : tmpdir();
}

/**
 * A path for a socket that only this user reaches: in a new directory of mode 0700 in `socketFolder()`. New each
 * time, so that no socket of a dead process is in the way.
 *
 * makeSocketPath("fanfare") -> "/tmp/fanfare-x7Gh2k/socket"
 *
 * @throws Error that says what to do, when the directory cannot be made or its path is too long
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

/** Removes what `makeSocketPath` made; does nothing when it is gone. */
export function removeSocketPath(path: string): void {
  rmSync(dirname(path), { recursive: true, force: true });
}

/** @throws Error for a path that no socket can have: the system's own word for it would be "invalid argument". */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= maxSocketPathBytes) return;
  throw new Error(
    `a socket's path has ${maxSocketPathBytes} bytes at most, ${path} has ${length}: set TMPDIR to a shorter one`,
  );
}
