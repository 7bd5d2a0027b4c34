import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "./programs.js";
import { run } from "./run.js";
import { installPackages, runScript } from "./setup.js";

/**
 * `npm run release -- v0.1.0`: builds the packages and the executables of all platforms from a tag, and says what would be
 * published. Publishes nothing.
 */
await runScript(async () => {
  const [tag = ""] = process.argv.slice(2);
  const versions = ["package.json", "client/package.json"].map((it) => JSON.parse(readFileSync(it, "utf8")).version);
  const wrong = versions.find((it) => `v${it}` !== tag);
  if (wrong !== undefined)
    throw new SetupError(`expected the tag v${wrong}, which is the version of the packages, got "${tag}"`);
  await expectClean(tag);
  await installPackages({ forDevelopment: true });
  const target = join("dist", "packages");
  rmSync("dist", { recursive: true, force: true }); // nothing of an earlier build may be published
  const steps = [
    ["npm", "pack", "--silent", "--workspaces", "--include-workspace-root", "--pack-destination", target],
    ["node", "scripts/build-binary.js", "all"],
  ];
  mkdirSync(target, { recursive: true });
  for (const [program = "", ...args] of steps) {
    const { code } = await run(program, args);
    if (code !== 0) return 1;
  }
  const version = tag.slice(1);
  console.log(`Nothing was published. To publish ${tag}:`);
  for (const it of [`fanfare-client-${version}.tgz`, `fanfare-${version}.tgz`]) {
    const { size } = statSync(join(target, it));
    console.log(`  npm publish ${join(target, it)}    (${Math.round(size / 1000)} KB)`);
  }
  console.log("  Attach the executables, their checksums and bills of materials to the release:");
  for (const it of readdirSync(join("dist", "binary")).sort()) console.log(`    ${join("dist", "binary", it)}`);
  console.log(`  docker build -t <registry>/fanfare:${version} . && docker push <registry>/fanfare:${version}`);
  return 0;
});

/**
 * @param {string} tag
 * @throws {SetupError}
 */
async function expectClean(tag) {
  const tagged = await run("git", ["diff", "--quiet", tag, "--"]);
  if (tagged.code !== 0)
    throw new SetupError(`the files differ from the tag ${tag}, or there is no such tag: git checkout ${tag}`);
  // A package contains whole folders.
  const { output } = await run("git", ["ls-files", "--others", "--exclude-standard"], { listen: true });
  if (output !== "") throw new SetupError("these files are not in the tag, and would be published: remove them");
}
