import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "./programs.js";
import { run } from "./run.js";
import { installPackages, runScript } from "./setup.js";

/**
 * `npm run release -- v0.1.0`: builds the packages and the executable from a tag, and says what would be published. Publishes
 * nothing.
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
  const steps = [
    ["npm", "pack", "--silent", "--workspaces", "--include-workspace-root", "--pack-destination", target],
    ["node", "scripts/build-binary.js"],
  ];
  await run("mkdir", ["-p", target]);
  for (const [program = "", ...args] of steps) {
    const { code } = await run(program, args);
    if (code !== 0) return 1;
  }
  console.log(`Nothing was published. To publish ${tag}:`);
  for (const it of [`fanfare-${tag.slice(1)}.tgz`, `fanfare-client-${tag.slice(1)}.tgz`])
    console.log(`  npm publish ${join(target, it)}`);
  console.log("  attach to the release: dist/binary/*");
  console.log(`  docker build -t fanfare:${tag.slice(1)} . && docker push fanfare:${tag.slice(1)}`);
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
}
