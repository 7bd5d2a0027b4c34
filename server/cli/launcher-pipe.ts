import { fstatSync } from "node:fs";

/** The pipe from bin/launch.js, which closes when the launcher's process dies. */
export interface LauncherPipe {
  /** The value of FANFARE_LAUNCHER_PIPE, for a program that replaces this one. */
  readonly descriptor: string | undefined;
  /** Calls `run` when the launcher dies, instead of sending SIGTERM to this process. @returns removes the listener */
  onGone(run: () => void): () => void;
  /** Idempotent. Until it is called, the pipe keeps this process alive. */
  close(): void;
}

/**
 * Watches the pipe to the launcher, whose file descriptor is in FANFARE_LAUNCHER_PIPE. When the pipe closes, the launcher has
 * died, usually of SIGKILL, because it forwards all other signals. This process then sends itself SIGTERM, so that it is not
 * left running as an orphan.
 *
 * @param env FANFARE_LAUNCHER_PIPE is removed from it: child processes do not have the pipe
 */
export function watchLauncher(env: Record<string, string | undefined>): LauncherPipe {
  const given = env.FANFARE_LAUNCHER_PIPE;
  const descriptor = Number(given ?? Number.NaN);
  delete env.FANFARE_LAUNCHER_PIPE;
  if (!isPipe(descriptor)) return { descriptor: undefined, onGone: () => () => undefined, close: () => undefined };
  const listeners = new Set<() => void>();
  let isClosed = false;
  let isGone = false;
  const reader = Bun.file(descriptor).stream().getReader();
  const end = () => {
    if (isClosed) return;
    isGone = true;
    if (listeners.size === 0) process.kill(process.pid, "SIGTERM");
    for (const run of listeners) run();
  };
  // Nothing is ever written to the pipe, so the first result means that it closed.
  reader.read().then(end, end);
  return {
    descriptor: given,
    onGone: (run) => {
      listeners.add(run);
      if (isGone) run();
      return () => void listeners.delete(run);
    },
    close: () => {
      isClosed = true;
      reader.cancel().catch(() => undefined); // the pipe has already closed
    },
  };
}

function isPipe(descriptor: number): boolean {
  if (!Number.isInteger(descriptor) || descriptor < 3) return false;
  try {
    const found = fstatSync(descriptor);
    return found.isSocket() || found.isFIFO();
  } catch {
    return false; // the variable was inherited, but the pipe was not
  }
}
