import { lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { socketFolder, usualSocketFolder } from "../lib/link/socket-path.ts";

/** How long a server that has the place may take to say how it is. */
const answerMs = 1000;

/** Where the server on a port of this machine is asked by programs of the same user: /tmp/fanfare-1000-8000.sock */
export function controlPath(port: number, folder = socketFolder()): string {
  return join(folder, `fanfare-${ownerName()}-${port}.sock`);
}

/**
 * The control socket of the server on a port, if there is one of this user's: another's would be a trap. A server that
 * was started with the usual TMPDIR is found from a shell with another one; the other way round, TMPDIR must be the same.
 */
export function findControlSocket(port: number): string | undefined {
  const paths = [socketFolder(), usualSocketFolder].map((folder) => controlPath(port, folder));
  return paths.find((path) => inodeOf(path) !== undefined);
}

/**
 * Calls `listen`, which is to create the socket at the path, so that only this user may ask there.
 * @returns lets go of the path, unless it is somebody else's by then; idempotent
 * @throws Error where another server has the place, or what stands there cannot be taken away; what `listen` throws
 */
export async function openControlSocket(path: string, listen: () => void): Promise<() => void> {
  // One that waits for its last clients has given the port away: whoever asks for the port's server means its successor.
  if ((await isAnswered(path)) && !(await isDraining(path))) {
    throw new Error("another server on the same port, of another address of this machine, has it");
  }
  removeSocket(path);
  // Not afterwards: somebody could come in before.
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
 * Takes away what servers of this user left behind that were killed: control sockets, and directories of workers' sockets.
 * Nobody listens there any more. Never throws.
 */
export async function clearLeftovers(folder = socketFolder()): Promise<void> {
  const control = new RegExp(`^fanfare-${ownerName()}-\\d+\\.sock$`);
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    if (control.test(name)) await removeDead(path, path);
    // The first thing in it is the broker's socket: without one its server is just starting.
    else if (/^fanfare-[A-Za-z0-9]{6}$/.test(name)) await removeDead(join(path, "socket"), path);
  }
}

async function removeDead(socket: string, whole: string): Promise<void> {
  try {
    const inode = inodeOf(socket);
    if (inode === undefined || (await isAnswered(socket)) || inodeOf(socket) !== inode) return;
    rmSync(whole, { recursive: true, force: true });
  } catch {
    // What cannot be taken away harms nobody.
  }
}

/** @throws Error where something else stands there: a file with that name is somebody's, and not ours to delete */
function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  if (inodeOf(path) === undefined) throw new Error(`${path} is not a socket of this user, and is left as it is`);
  rmSync(path, { force: true });
}

/** Whether somebody listens there, be it that they stand still. */
async function isAnswered(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data: () => undefined, connectError: () => undefined } });
    socket.terminate();
    return true;
  } catch {
    return isListed(path); // a full queue is refused in the same words as an empty house
  }
}

/** The kernel's own list has every socket that is open, by the path that it was opened with (man 5 proc). Linux only. */
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
    return false; // it hangs, or is no server of ours: then it is left alone
  }
}

/** Of a socket of this user; undefined for anything else, and for a link to one. */
function inodeOf(path: string): number | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isSocket() && found.uid === process.getuid?.() ? found.ino : undefined;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // a place that may be used and not be read
  }
}

function ownerName(): string {
  return String(process.getuid?.() ?? "user");
}
