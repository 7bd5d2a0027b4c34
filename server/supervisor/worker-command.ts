import { join } from "node:path";

const bin = join(import.meta.dir, "..", "..", "bin");
/** In place of a bunfig.toml and a tsconfig.json in the working directory. */
const ownConfig = [`--config=${join(bin, "bunfig.toml")}`, `--tsconfig-override=${join(bin, "no-tsconfig.json")}`];
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
  return [process.execPath, ...ownConfig, "--no-env-file", program];
}
