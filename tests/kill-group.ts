import type { Subprocess } from "bun";
import { until } from "./waiting.ts";

/**
 * Kills a process that was started with `detached`, and all processes of its group, also those that are stopped.
 * Resolves once they are gone.
 */
export async function killGroup(child: Subprocess): Promise<void> {
  signalGroup(child.pid, "SIGKILL");
  await child.exited;
  await until(() => !signalGroup(child.pid, 0), `the processes that ${child.pid} started are gone`);
}

/** Whether a process received the signal. */
function signalGroup(pid: number, signal: "SIGKILL" | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
