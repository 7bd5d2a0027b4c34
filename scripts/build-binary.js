import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { bunPackage } from "../bin/find-bun.js";
import { makeSbom } from "./build/sbom.js";
import { SetupError } from "./programs.js";
import { run } from "./run.js";
import { installPackages, requireBun, runScript } from "./setup.js";

const targets = [
  ...["linux-x64", "linux-aarch64", "linux-x64-musl", "linux-aarch64-musl"],
  ...["darwin-x64", "darwin-aarch64", "windows-x64", "windows-aarch64"],
];

/**
 * `npm run build:binary` makes one executable for this platform in dist/binary, with its checksum and bill of materials.
 * `npm run build:binary -- linux-aarch64 darwin-x64` makes those of other platforms, whose runtimes Bun downloads, and
 * `npm run build:binary -- all` those of all platforms.
 */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  const bun = requireBun();
  const words = process.argv.slice(2);
  const unknown = words.find((it) => it !== "all" && !targets.includes(it));
  if (unknown !== undefined) throw new SetupError(`expected "all", or some of ${targets.join(", ")}; got "${unknown}"`);
  const own = bunPackage().replace("@oven/bun-", "");
  const wanted = words.includes("all") ? targets : words;
  const folder = join("dist", "binary");
  mkdirSync(folder, { recursive: true });
  for (const target of wanted.length === 0 ? [own] : wanted) {
    const file = join(folder, `fanfare-${target}${target.startsWith("windows") ? ".exe" : ""}`);
    const other = target === own ? [] : [`bun-${target}`];
    const { code } = await run(bun, ["--no-env-file", "scripts/build/compile.ts", file, ...other]);
    if (code !== 0) return 1;
    const sbom = makeSbom(JSON.parse(readFileSync("package-lock.json", "utf8")), `@oven/bun-${target}`);
    writeFileSync(`${file}.cdx.json`, `${JSON.stringify(sbom, null, 2)}\n`);
    const bytes = readFileSync(file);
    // The format of sha256sum, so that `sha256sum --check` reads it.
    writeFileSync(`${file}.sha256`, `${createHash("sha256").update(bytes).digest("hex")}  ${basename(file)}\n`);
    console.log(`${file}: ${(bytes.length / 1e6).toFixed(1)} MB`);
  }
  return 0;
});
