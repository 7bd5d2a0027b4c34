import { accessSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import { delimiter, dirname, join, normalize } from "node:path";
import { run } from "./run.js";

/**
 * Programs that some tests and scripts need. To add one, add a line here, and a file `<name>.ts` somewhere in tests/ that
 * starts it. A test that imports that file, directly or indirectly, gets the program's path in the variable.
 */
export const programs = {
  redis: { names: ["redis-server"], debianPackage: "redis-server", variable: "FANFARE_REDIS_SERVER" },
  browser: {
    names: ["chromium", "chromium-browser", "google-chrome"],
    debianPackage: "chromium",
    variable: "FANFARE_CHROMIUM",
  },
  haproxy: { names: ["haproxy"], debianPackage: "haproxy", variable: "FANFARE_HAPROXY" },
  openssl: { names: ["openssl"], debianPackage: "openssl", variable: "FANFARE_OPENSSL" },
  nginx: { names: ["nginx"], debianPackage: "nginx-light", variable: "FANFARE_NGINX" },
  caddy: { names: ["caddy"], debianPackage: "caddy", variable: "FANFARE_CADDY" },
};

/** @typedef {keyof typeof programs} ProgramName */

/** Debian installs servers here, but these folders are not on the PATH of an ordinary user. */
const serverFolders = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** An error whose message is shown to the user. It says what is missing and what to do. */
export class SetupError extends Error {
  /** @override */
  name = "SetupError";
}

/**
 * The machine on which programs are found and installed. Tests pass a fake one.
 *
 * @typedef {object} Machine
 * @property {NodeJS.ProcessEnv} env
 * @property {readonly string[]} folders searched after the PATH
 * @property {boolean} isRoot
 * @property {(program: string, args: readonly string[]) => Promise<boolean>} run resolves with whether the exit code was 0
 */

/** @type {Machine} */
const thisMachine = {
  env: process.env,
  folders: serverFolders,
  isRoot: process.getuid?.() === 0,
  run: async (program, args) => (await run(program, args, { env: { DEBIAN_FRONTEND: "noninteractive" } })).code === 0,
};

/**
 * Finds all programs that the selected test files need, and installs missing ones.
 *
 * @param {readonly string[]} testFiles paths from the root of the project
 * @returns {Promise<NodeJS.ProcessEnv>} the path of each program, in its variable
 * @throws {SetupError}
 */
export async function providePrograms(testFiles, machine = thisMachine) {
  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  for (const name of neededBy(testFiles)) env[programs[name].variable] = await provideProgram(name, machine);
  return env;
}

/**
 * Returns the path in the program's variable, finds the program on this machine, or installs its Debian package if that
 * needs no password.
 *
 * @param {ProgramName} name
 * @param {Machine} machine
 * @returns {Promise<string>} its path
 * @throws {SetupError} that says what to install
 */
export async function provideProgram(name, machine = thisMachine) {
  const { names, debianPackage, variable } = programs[name];
  const chosen = machine.env[variable];
  if (chosen !== undefined && chosen !== "") {
    if (isExecutable(chosen)) return chosen;
    throw new SetupError(`${variable}: expected the path of a program, got "${chosen}"`);
  }
  const found = find(names, machine);
  if (found !== undefined) return found;
  await installPackage(debianPackage, machine);
  const installed = find(names, machine);
  if (installed !== undefined) return installed;
  throw new SetupError(
    `This needs ${names.join(" or ")}, which is not installed. ` +
      `On Debian and Ubuntu: apt-get install ${debianPackage}. ` +
      `On other systems: install it, or set ${variable} to its path. Then run it again.`,
  );
}

/**
 * @param {readonly string[]} testFiles
 * @returns {readonly ProgramName[]}
 */
export function neededBy(testFiles) {
  const seen = new Set(testFiles);
  for (const file of seen) {
    for (const [, imported = ""] of readFileSync(file, "utf8").matchAll(/^import\b[^"';]*"(\.[^"]+\.ts)"/gm)) {
      seen.add(normalize(join(dirname(file), imported)));
    }
  }
  return /** @type {ProgramName[]} */ (Object.keys(programs)).filter((name) =>
    [...seen].some((file) => file.startsWith("tests/") && file.endsWith(`/${name}.ts`)),
  );
}

/**
 * @param {readonly string[]} filters parts of paths; none means all
 * @returns {readonly string[]} the test files that `bun test` runs for them
 */
export function testFiles(filters) {
  const folders = ["bench", "client", "protocol", "scripts", "server", "tests", "web"];
  return folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((it) => join(folder, it)))
    .filter((it) => /\.test\.tsx?$/.test(it))
    .filter((it) => filters.length === 0 || filters.some((filter) => it.includes(filter.replace(/^\.\//, ""))));
}

/**
 * @param {readonly string[]} names
 * @param {Machine} machine
 */
function find(names, { env, folders: more }) {
  const all = [...(env.PATH ?? "").split(delimiter), ...more].filter((it) => it !== "");
  return names.flatMap((name) => all.map((folder) => join(folder, name))).find(isExecutable);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // It does not exist, or this user may not run it.
  }
}

/**
 * Does nothing if a password is needed. `provideProgram` then says what to do.
 *
 * @param {string} name
 * @param {Machine} machine
 */
async function installPackage(name, machine) {
  const aptGet = find(["apt-get"], machine);
  if (aptGet === undefined) return;
  const sudo = find(["sudo"], machine);
  if (!machine.isRoot && sudo === undefined) return;
  const [program, ...prefix] = machine.isRoot ? [aptGet] : [sudo ?? "sudo", "-n", aptGet];
  const install = [...prefix, "install", "--yes", "--no-install-recommends", name];
  if (await machine.run(program, install)) return;
  // On a fresh machine the package lists are missing or out of date.
  if (await machine.run(program, [...prefix, "update"])) await machine.run(program, install);
}
