import { join } from "node:path";

/** In place of a bunfig.toml in the working directory. */
const emptyConfig = join(import.meta.dir, "..", "..", "bin", "bunfig.toml");
const program = join(import.meta.dir, "..", "worker", "hosted.ts");

/** The only argument of a single executable that runs as a worker. */
export const workerArgument = "--fanfare-worker";

/** Whether this program is one executable that contains its code, as `npm run build:binary` makes it. */
export function isSingleExecutable(): boolean {
  return Bun.main.startsWith("/$bunfs") || Bun.main.startsWith("B:/~BUN");
}

/** The command of a worker process. */
export function workerCommand(): readonly string[] {
  if (isSingleExecutable()) return [process.execPath, workerArgument];
  return [process.execPath, `--config=${emptyConfig}`, "--no-env-file", program];
}
