import { fstatSync } from "node:fs";

/** The pipe from bin/launch.js, which ends with the launcher's process. */
export interface LauncherPipe {
  /** From now on, `run` is called when the launcher is gone, in place of SIGTERM. @returns stops that */
  onGone(run: () => void): () => void;
  /** Idempotent. Without it the pipe keeps this process alive. */
  close(): void;
}

/**
 * Watches the pipe that the launcher left at the file descriptor named by FANFARE_LAUNCHER_PIPE. When it ends, the launcher
 * is gone: killed, mostly, since it would have passed on any other signal. This process then gets a SIGTERM, so that
 * nothing it was started for is left running.
 *
 * @param env the name is taken out of it, so that the processes of this one do not look for a pipe that they do not have
 */
export function watchLauncher(env: Record<string, string | undefined>): LauncherPipe {
  const descriptor = Number(env.FANFARE_LAUNCHER_PIPE ?? Number.NaN);
  delete env.FANFARE_LAUNCHER_PIPE;
  if (!isPipe(descriptor)) return { onGone: () => () => undefined, close: () => undefined };
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
  // Nothing is ever written to it: whatever comes is the end.
  reader.read().then(end, end);
  return {
    onGone: (run) => {
      listeners.add(run);
      if (isGone) run();
      return () => void listeners.delete(run);
    },
    close: () => {
      isClosed = true;
      reader.cancel().catch(() => undefined); // it has ended already
    },
  };
}

function isPipe(descriptor: number): boolean {
  if (!Number.isInteger(descriptor) || descriptor < 3) return false;
  try {
    const found = fstatSync(descriptor);
    return found.isSocket() || found.isFIFO();
  } catch {
    return false; // the variable was inherited, and the pipe was not
  }
}
