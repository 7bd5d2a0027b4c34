import { lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { socketFolder, usualSocketFolder } from "../lib/link/socket-path.ts";

/** Timeout for the health request to another server on the same socket. */
const answerMs = 1000;

/** The path of the control socket of the server on a port: /tmp/fanfare-1000-8000.sock */
export function controlPath(port: number, folder = socketFolder()): string {
  return join(folder, `fanfare-${ownerName()}-${port}.sock`);
}

/**
 * The control socket of the server on a port, if it belongs to this user. Another user's socket could be a trap. A server that
 * was started with the default TMPDIR is also found from a shell with another TMPDIR, but not the other way round.
 */
export function findControlSocket(port: number): string | undefined {
  const paths = [socketFolder(), usualSocketFolder].map((folder) => controlPath(port, folder));
  return paths.find((path) => inodeOf(path) !== undefined);
}

/**
 * Calls `listen`, which must create the socket at the path, with permissions for this user only.
 * @returns removes the socket file, unless another server has replaced it; idempotent
 * @throws Error if another server uses the path, or the existing file cannot be removed; whatever `listen` throws
 */
export async function openControlSocket(path: string, listen: () => void): Promise<() => void> {
  // A draining server has released the port, so the new server on the port takes over the socket path.
  if ((await isAnswered(path)) && !(await isDraining(path))) {
    throw new Error("it is used by another server, which listens on the same port of another address");
  }
  removeSocket(path);
  // Set before listening: afterwards, another user could connect in between.
  const umask = process.umask(0o177);
  try {
    listen();
  } finally {
    process.umask(umask);
  }
  const inode = inodeOf(path);
  return () => {
    if (inode !== undefined && inodeOf(path) === inode) rmSync(path, { force: true });
  };
}

/**
 * Removes files of this user's killed servers: control sockets, and directories with workers' sockets. Never throws.
 */
export async function clearLeftovers(folder = socketFolder()): Promise<void> {
  const control = new RegExp(`^fanfare-${ownerName()}-\\d+\\.sock$`);
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    if (control.test(name)) await removeDead(path, path);
    // The broker's socket is created first. Without it, the server is just starting.
    else if (/^fanfare-[A-Za-z0-9]{6}$/.test(name)) await removeDead(join(path, "socket"), path);
  }
}

async function removeDead(socket: string, whole: string): Promise<void> {
  try {
    const inode = inodeOf(socket);
    if (inode === undefined || (await isAnswered(socket)) || inodeOf(socket) !== inode) return;
    rmSync(whole, { recursive: true, force: true });
  } catch {
    // A leftover that cannot be removed does no harm.
  }
}

/** @throws Error if the path is not a socket of this user: such a file must not be deleted */
function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  if (inodeOf(path) === undefined) throw new Error(`${path} exists and is not a socket of this user: remove it`);
  rmSync(path, { force: true });
}

/** Whether a process listens there, even a suspended one. */
async function isAnswered(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data: () => undefined, connectError: () => undefined } });
    socket.terminate();
    return true;
  } catch {
    return isListed(path); // a full accept queue causes the same error as no listener
  }
}

/** Whether the kernel lists an open socket with this path (man 5 proc). Linux only. */
function isListed(path: string): boolean {
  try {
    return readFileSync("/proc/net/unix", "utf8").includes(` ${path}\n`);
  } catch {
    return false;
  }
}

async function isDraining(path: string): Promise<boolean> {
  try {
    const answer = await fetch("http://localhost/health", { unix: path, signal: AbortSignal.timeout(answerMs) });
    return /"status":"draining"/.test(await answer.text());
  } catch {
    return false; // it hangs or is not a Fanfare server, so it is left alone
  }
}

/** The inode of a socket of this user; undefined for anything else, including a link to one. */
function inodeOf(path: string): number | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isSocket() && found.uid === process.getuid?.() ? found.ino : undefined;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // a folder that cannot be listed
  }
}

function ownerName(): string {
  return String(process.getuid?.() ?? "user");
}
