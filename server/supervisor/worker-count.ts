import { availableParallelism } from "node:os";
import type { Settings } from "../config/settings.ts";

/** Only on Linux several processes can share a port. A number that is too high elsewhere was already rejected. */
export function workerCount(workers: Settings["workers"]): number {
  if (typeof workers === "number") return workers;
  return process.platform === "linux" ? availableParallelism() : 1;
}
