import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { run } from "../run.js";
import { internalNames } from "./internal-names.js";
import { writeTypes } from "./types.js";

/** The build that pages import. */
const entryPoints = ["client/index.ts", "client/checked.ts", "client/react.ts", "client/broadcast-client.ts"];
/** The client for backends. It is bundled separately, because pages would have to load a chunk that it shares with the SDK. */
const publisher = "client/publisher/index.ts";

/**
 * Builds the SDK: modules with source maps, types, and the file for a plain `<script>`.
 *
 * @param {string} bun
 * @param {string} target the folder, which is emptied first
 */
export async function buildSdk(bun, target) {
  rmSync(target, { recursive: true, force: true });
  await writeModules(bun, target);
  await runBun(bun, [publisher, "--entry-naming=publisher.js", "--target=node", "--sourcemap=linked"], target);
  rewriteMap(join(target, "publisher.js.map"));
  // The same as what a server sends at /client.js.
  const script = ["--entry-naming=client.js", "--format=iife", "--target=browser", "--minify", "--sourcemap=linked"];
  await runBun(bun, ["client/browser.ts", ...script], target);
  rewriteMap(join(target, "client.js.map"));
  await writeTypes("client/tsconfig.json", [...entryPoints, publisher], join(target, "types"));
}

/**
 * The modules, as small as they can be: pages load them. The parts that most pages never need are separate files.
 *
 * @param {string} bun
 * @param {string} outFolder
 */
export async function writeModules(bun, outFolder) {
  // Not at the top: in a new checkout the script that imports this file installs it first.
  const { minify } = await import("terser");
  const folder = mkdtempSync(join(tmpdir(), "fanfare-sdk-"));
  try {
    // With `--target=browser` Bun adds code that preloads the separate files.
    const output = ["--splitting", "--target=node", "--sourcemap=external", "--chunk-naming=parts/[name]-[hash].[ext]"];
    await runBun(bun, [...entryPoints, ...output], folder);
    const files = readdirSync(folder, { encoding: "utf8", recursive: true }).filter((it) => it.endsWith(".js"));
    const shortNames = shortNamesOf(files.map((it) => basename(it)));
    mkdirSync(join(outFolder, "parts"), { recursive: true });
    // Shared, so that a property has the same short name in all files.
    const nameCache = {};
    for (const file of files) {
      const source = Array.from(shortNames).reduce(
        (text, [name, short]) => text.replaceAll(`/${name}"`, `/${short}"`),
        readFileSync(join(folder, file), "utf8"),
      );
      const target = join(outFolder, dirname(file), shortNames.get(basename(file)) ?? basename(file));
      const { code = "", map = "" } = await minify(source, {
        module: true,
        ecma: 2020,
        // Functions stay where they are: bundlers choose worse names for the variables of functions inside functions.
        compress: { passes: 3, reduce_funcs: false, inline: 1, hoist_funs: true },
        // `builtins`: some of the names are also properties of objects of browsers, which the SDK does not use.
        mangle: { properties: { builtins: true, regex: new RegExp(`^(${internalNames.join("|")})$`) } },
        nameCache,
        sourceMap: {
          includeSources: true,
          content: readFileSync(join(folder, `${file}.map`), "utf8"),
          url: `${basename(target)}.map`,
        },
      });
      writeFileSync(target, code);
      writeFileSync(`${target}.map`, withoutPaths(String(map)));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Names of the parts without hashes: a bundler adds its own, and random characters cannot be compressed.
 * `index-4kd8ek2m.js` is `index.js`, and the next one of that name `index2.js`.
 *
 * @param {readonly string[]} files
 * @returns {ReadonlyMap<string, string>}
 */
function shortNamesOf(files) {
  const counts = new Map();
  const names = new Map();
  for (const file of files.toSorted()) {
    const [, name] = /^(.+)-[a-z0-9]{8}\.js$/.exec(file) ?? [];
    if (name === undefined) continue;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    names.set(file, `${name}${count === 1 ? "" : count}.js`);
  }
  return names;
}

/**
 * @param {string} bun
 * @param {readonly string[]} args
 * @param {string} outFolder
 */
async function runBun(bun, args, outFolder) {
  const { code } = await run(bun, ["build", ...args, `--outdir=${outFolder}`], { isQuiet: true });
  if (code !== 0) throw new Error(`bun build failed: ${args.join(" ")}`);
}

/** @param {string} file */
function rewriteMap(file) {
  writeFileSync(file, withoutPaths(readFileSync(file, "utf8")));
}

/**
 * The sources are in the map itself. Their paths are relative to a temporary folder, so only `client/…` is kept.
 *
 * @param {string} text
 */
function withoutPaths(text) {
  const map = JSON.parse(text);
  map.sources = map.sources.map((/** @type {string} */ path) =>
    path.replace(/^.*\/(client|protocol)\//, "$1/").replace(/^(\.\.\/)+(?=[^/]+$)/, "client/"),
  );
  return JSON.stringify(map);
}
