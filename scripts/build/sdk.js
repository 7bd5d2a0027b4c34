import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { minify } from "terser";
import { run } from "../run.js";
import { internalNames } from "./internal-names.js";
import { writeTypes } from "./types.js";

/** What the package exports, and where it is. */
const entryPoints = ["client/index.ts", "client/react.ts", "client/broadcast-client.ts"];

/**
 * Builds the SDK: modules with source maps, types, and the file for a plain `<script>`.
 *
 * @param {string} bun
 * @param {string} target the folder, which is emptied first
 */
export async function buildSdk(bun, target) {
  rmSync(target, { recursive: true, force: true });
  await writeModules(bun, target);
  await writeTypes("client/tsconfig.json", entryPoints, join(target, "types"));
  await runBun(
    bun,
    ["client/browser.ts", "--format=iife", "--target=browser", "--minify", "--sourcemap=linked"],
    target,
  );
  // The entry point is named for what it is in the sources, and the file for what a page loads.
  renameBrowserFile(target);
}

/**
 * The modules, as small as they can be: pages load them. The parts that most pages never need are separate files.
 *
 * @param {string} bun
 * @param {string} target
 */
export async function writeModules(bun, target) {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-sdk-"));
  try {
    // With `--target=browser` Bun adds code that preloads the separate files.
    await runBun(bun, [...entryPoints, "--splitting", "--target=node", "--sourcemap=external"], folder);
    const files = readdirSync(folder).filter((it) => it.endsWith(".js"));
    mkdirSync(target, { recursive: true });
    // Shared, so that a property has the same short name in all files.
    const nameCache = {};
    for (const file of files) {
      const { code = "", map = "" } = await minify(readFileSync(join(folder, file), "utf8"), {
        module: true,
        ecma: 2020,
        compress: { passes: 3 },
        mangle: { properties: { regex: new RegExp(`^(${internalNames.join("|")})$`) } },
        nameCache,
        sourceMap: {
          includeSources: true,
          content: readFileSync(join(folder, `${file}.map`), "utf8"),
          url: `${file}.map`,
        },
      });
      writeFileSync(join(target, file), code);
      writeFileSync(join(target, `${file}.map`), withoutPaths(String(map)));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
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

/** @param {string} target */
function renameBrowserFile(target) {
  const script = readFileSync(join(target, "browser.js"), "utf8");
  const map = readFileSync(join(target, "browser.js.map"), "utf8");
  writeFileSync(join(target, "client.js"), script.replace("browser.js.map", "client.js.map"));
  writeFileSync(join(target, "client.js.map"), withoutPaths(map));
  rmSync(join(target, "browser.js"));
  rmSync(join(target, "browser.js.map"));
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
