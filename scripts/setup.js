import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { bunIsMissing, findBun } from "../bin/find-bun.js";
import { isForDevelopment, isInstalled } from "./installed.js";
import { SetupError } from "./programs.js";
import { run } from "./run.js";

/**
 * Runs a script of this folder in the project's root. A problem that the user can fix is printed as one line.
 *
 * @param {() => Promise<number>} script returns the exit code
 */
export async function runScript(script) {
  process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
  try {
    process.exitCode = await script();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

/**
 * @returns {string} the Bun binary
 * @throws {SetupError}
 */
export function requireBun() {
  const bun = findBun();
  if (bun === undefined) throw new SetupError(bunIsMissing());
  return bun;
}

/**
 * Installs the npm packages if one is missing or has another version than in package-lock.json.
 *
 * Install scripts do not run, because none of the packages needs one.
 *
 * @param {{ forDevelopment: boolean }} options a server needs neither the compiler nor the linter
 * @throws {SetupError}
 */
export async function installPackages({ forDevelopment }) {
  if (isInstalled(".", { forDevelopment })) return;
  const { program, args } = npm();
  // Overrides the user's npm settings and NODE_ENV: a server does not need the linter and the browser driver.
  const dev = forDevelopment || isForDevelopment(".") ? "--include=dev" : "--omit=dev";
  const options = [dev, "--include=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { code } = await run(program, [...args, "ci", ...options]);
  if (code !== 0) throw new SetupError("npm ci failed: see its messages above.");
}

/** The npm that runs this script. The npm on the PATH may be another one, and on Windows it may need a shell. */
function npm() {
  const self = process.env.npm_execpath ?? "";
  return basename(self) === "npm-cli.js"
    ? { program: process.execPath, args: [self] }
    : { program: process.platform === "win32" ? "npm.cmd" : "npm", args: [] };
}
