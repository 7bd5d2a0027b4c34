import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The folder of package.json. */
const packageRoot = dirname(dirname(import.meta.dir));

/**
 * How the user can run this program again: `fanfare` if that command is installed globally, otherwise `npx fanfare`; for a single
 * executable its name if it is on the PATH, otherwise its path.
 *
 * @param executable the path of the single executable; undefined in a checkout or package
 */
export function findProgramName(env: Readonly<Record<string, string | undefined>>, executable?: string): string {
  if (executable !== undefined) {
    const name = basename(executable);
    const onPath = Bun.which(name, { PATH: env.PATH ?? "" });
    return onPath !== null && realpathSync(onPath) === executable ? name : executable;
  }
  // npm and npx put node_modules/.bin on the PATH of the programs they run, so a program in it proves nothing.
  if (env.npm_config_user_agent !== undefined) return "npx fanfare";
  const command = Bun.which("fanfare", { PATH: env.PATH ?? "" });
  return command !== null && isThisPackage(command) ? "fanfare" : "npx fanfare";
}

/** On Windows the command is a script beside `node_modules`; elsewhere it is a link to bin/fanfare.js. */
function isThisPackage(command: string): boolean {
  try {
    const real = realpathSync(command);
    return [dirname(dirname(real)), join(dirname(real), "node_modules", "fanfare")].some(
      (folder) => folder === packageRoot || realpathSync(folder) === packageRoot,
    );
  } catch {
    return false; // a broken link, or another program of this name
  }
}

/** Replaces the `fanfare` of commands in help and error messages, such as `fanfare start --port 9000`. */
export function withProgramName(text: string, programName: string): string {
  if (programName === "fanfare") return text;
  return text.replace(/(?<=^|[\s`])fanfare (?=[a-z]+\b|[<[-])/gm, `${programName} `);
}
