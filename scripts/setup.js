import { accessSync, constants, existsSync, statSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bunIsMissing, findBun } from "../bin/find-bun.js";
import { run } from "./run.js";

/** What a check or a test run needs besides the packages that the server itself runs on. */
const developmentPackages = ["@biomejs/biome", "@types/bun", "typescript"];

/** Programs of the machine that some tests talk to: their usual names, and the Debian package that brings them. */
const machinePrograms = {
  redis: { names: ["redis-server"], debianPackage: "redis-server" },
  browser: { names: ["chromium", "chromium-browser", "google-chrome"], debianPackage: "chromium" },
};

/** Said to the person as it is: names what is missing, and the way out. */
export class SetupError extends Error {
  /** @override */
  name = "SetupError";
}

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
  const options = ["--include=dev", "--include=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { code } = await run(program, [...args, "ci", ...options]);
  if (code !== 0) throw new SetupError("npm ci failed; its own words stand above.");
}

/**
 * Finds a program of the machine, or installs it where Debian's packages can be installed without a question.
 *
 * @param {keyof typeof machinePrograms} need
 * @returns {Promise<string>} its path
 * @throws {SetupError}
 */
export async function provideProgram(need) {
  const { names, debianPackage } = machinePrograms[need];
  const found = findOnPath(names);
  if (found !== undefined) return found;
  await installDebianPackage(debianPackage);
  const installed = findOnPath(names);
  if (installed !== undefined) return installed;
  throw new SetupError(
    `The tests need ${names.join(" or ")} on the PATH. On Debian and Ubuntu: apt-get install ${debianPackage}; ` +
      `elsewhere install it the usual way, and run this again.`,
  );
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

/**
 * @param {readonly string[]} names
 * @returns {string | undefined}
 */
function findOnPath(names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      if (folder !== "" && isExecutable(join(folder, name))) return join(folder, name);
    }
  }
  return undefined;
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there or not ours to run: either way it is of no use.
    return false;
  }
}

/**
 * Leaves the machine alone where this cannot be done without a password; provideProgram says the rest.
 *
 * @param {string} name
 */
async function installDebianPackage(name) {
  const aptGet = findOnPath(["apt-get"]);
  if (aptGet === undefined) return;
  const [program, ...prefix] = process.getuid?.() === 0 ? [aptGet] : ["sudo", "-n", aptGet];
  if (program === undefined || (program === "sudo" && findOnPath(["sudo"]) === undefined)) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const install = [...prefix, "install", "--yes", "--no-install-recommends", name];
  const { code } = await run(program, install, { env });
  if (code === 0) return;
  // The lists of packages are missing or too old on a fresh machine.
  await run(program, [...prefix, "update"], { env });
  await run(program, install, { env });
}
