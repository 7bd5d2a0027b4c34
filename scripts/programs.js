import { accessSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import { delimiter, dirname, join, normalize } from "node:path";
import { run } from "./run.js";

/**
 * Programs that some tests and scripts drive. To add one, add a line here, and a file `<name>.ts` somewhere in tests/ that starts it: a test
 * that imports that file, directly or through others, needs the program, and finds its path in the variable.
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
};

/** @typedef {keyof typeof programs} ProgramName */

/** Debian installs servers here, but these folders are not on the PATH of an ordinary user. */
const folders = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** The message is shown to the user: it names what is missing and says what to do. */
export class SetupError extends Error {
  /** @override */
  name = "SetupError";
}

/**
 * What finding and installing depends on; tests pass their own.
 *
 * @typedef {object} Machine
 * @property {NodeJS.ProcessEnv} env
 * @property {readonly string[]} folders looked through after the PATH
 * @property {boolean} isRoot
 * @property {(program: string, args: readonly string[]) => Promise<boolean>} run true when it ended with exit code 0
 */

/** @type {Machine} */
const thisMachine = {
  env: process.env,
  folders,
  isRoot: process.getuid?.() === 0,
  run: async (program, args) => (await run(program, args, { env: { DEBIAN_FRONTEND: "noninteractive" } })).code === 0,
};

/**
 * Finds all programs that the chosen test files need, and installs what is missing.
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
 * Takes the path from the program's variable, finds it on this machine, or installs it where Debian packages can be
 * installed without a password.
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
  const rooms = ["bench", "client", "protocol", "scripts", "server", "tests", "web"];
  return rooms
    .flatMap((room) => readdirSync(room, { recursive: true, encoding: "utf8" }).map((it) => join(room, it)))
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
    return false; // missing, or not ours to run
  }
}

/**
 * Does nothing if a password would be needed: then `provideProgram` says what to do.
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
