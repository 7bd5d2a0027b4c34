import { existsSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";

/** The folder of this program, without symbolic links. */
const ownFolder = realpathSync(join(import.meta.dir, "..", ".."));

/** The values that determine the command line of this process. */
export interface CommandLine {
  readonly execPath: string;
  /** Arguments of the runtime. */
  readonly execArgv: readonly string[];
  /** The program, and its arguments. */
  readonly args: readonly string[];
  /** The symbolic link that the program was started by, such as `/srv/app/current`. Set by the launcher. */
  readonly linkedFolder: string | undefined;
}

export function ownCommandLine(): CommandLine {
  const { execPath, execArgv, argv, env } = process;
  return { execPath, execArgv, args: argv.slice(1), linkedFolder: env.FANFARE_PROGRAM };
}

/**
 * The command that starts this program again as it is on disk now: the release that the link leads to now, on the runtime
 * that was installed with it. The folder of the previous release may be gone.
 * @throws Error if the link leads nowhere
 */
export function commandOnDisk({ execPath, execArgv, args, linkedFolder }: CommandLine): readonly string[] {
  if (linkedFolder === undefined) return [execPath, ...execArgv, ...args];
  const folder = realpathSync(linkedFolder);
  const moved = (text: string) => text.replace(ownFolder + sep, folder + sep);
  return [runtimeOf(folder, execPath), ...execArgv.map(moved), ...args.map((it, at) => (at === 0 ? moved(it) : it))];
}

/** The same package of the runtime, in the folder or above it. */
function runtimeOf(folder: string, execPath: string): string {
  const [, place] = /[\\/](node_modules[\\/].+)$/.exec(execPath) ?? [];
  if (place === undefined) return execPath;
  for (let at = folder; ; at = dirname(at)) {
    const found = join(at, place);
    if (existsSync(found)) return found;
    if (dirname(at) === at) return execPath; // not installed with this release
  }
}
