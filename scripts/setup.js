import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bunIsMissing, findBun } from "../bin/find-bun.js";
import { SetupError } from "./programs.js";
import { run } from "./run.js";

/** What a check or a test run needs besides the packages that the server itself runs on. */
const developmentPackages = ["@biomejs/biome", "@types/bun", "typescript"];

/**
 * Runs a script of this folder from the root of the project, and says in one line what a person can mend.
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
 * Installs the npm packages where they are missing, or older than package-lock.json.
 *
 * No install script runs: none of the packages needs one.
 *
 * @param {{ forDevelopment: boolean }} options a server alone needs neither compiler nor linter
 * @throws {SetupError}
 */
export async function installPackages({ forDevelopment }) {
  const wanted = forDevelopment ? developmentPackages : [];
  if (isInstalled(wanted)) return;
  const { program, args } = npm();
  // Neither a person's npm settings nor NODE_ENV decide: a server alone has no use for the linter and the browser driver.
  const dev = forDevelopment ? "--include=dev" : "--omit=dev";
  const options = [dev, "--include=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { code } = await run(program, [...args, "ci", ...options]);
  if (code !== 0) throw new SetupError("npm ci failed: its own messages are above.");
}

/** @param {readonly string[]} packages */
function isInstalled(packages) {
  const installed = "node_modules/.package-lock.json";
  return (
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync("package-lock.json").mtimeMs &&
    packages.every((name) => existsSync(join("node_modules", name)))
  );
}

/** The npm that runs this script, since another one may come first on the PATH (or none, on Windows without a shell). */
function npm() {
  const self = process.env.npm_execpath ?? "";
  return basename(self) === "npm-cli.js"
    ? { program: process.execPath, args: [self] }
    : { program: process.platform === "win32" ? "npm.cmd" : "npm", args: [] };
}
