import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, stop } from "esbuild";
import { rolldown } from "rolldown";
import { writeModules } from "../scripts/build/sdk.js";

/** The size of the SDK that a page loads at once, and with the event stream and presence. Compressed bytes. */
const coreBytes = 5 * 1024;
const wholeBytes = 7.5 * 1024;

interface Output {
  readonly isEntry: boolean;
  readonly code: string;
}

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fanfare-size-"));
  await writeModules(process.execPath, folder);
  await Bun.write(join(folder, "page.js"), 'import { createClient } from "./index.js";\ncreateClient("/");\n');
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

test.each([
  ["esbuild", bundleWithEsbuild],
  ["Vite's bundler", bundleWithRolldown],
])("a page bundled by %s loads a small SDK, and its rare parts only when needed", async (name, bundle) => {
  const outputs = await bundle(join(folder, "page.js"));
  const sizes = outputs.map(({ isEntry, code }) => ({ isEntry, bytes: Bun.gzipSync(code, { level: 9 }).length }));
  const core = sizes.filter(({ isEntry }) => isEntry).reduce((sum, { bytes }) => sum + bytes, 0);
  const later = sizes.filter(({ isEntry }) => !isEntry).map(({ bytes }) => bytes);
  const whole = core + later.reduce((sum, bytes) => sum + bytes, 0);
  console.log(`SDK, bundled by ${name}: ${core} bytes for every page, ${whole} with all parts (gzip)`);
  expect(core).toBeLessThan(coreBytes);
  expect(whole).toBeLessThan(wholeBytes);
  // The event stream and presence. Otherwise they were bundled into the core.
  expect(later.map((bytes) => bytes > 400)).toEqual([true, true]);
});

async function bundleWithEsbuild(page: string): Promise<readonly Output[]> {
  const { outputFiles } = await build({
    entryPoints: [page],
    ...{ bundle: true, minify: true, splitting: true, format: "esm", outdir: "out", write: false },
  });
  return outputFiles.map(({ path, text }) => ({ isEntry: path.endsWith("page.js"), code: text }));
}

/** Vite adds about 0.8 KB of its own to every app that loads something later, and webpack as much. */
async function bundleWithRolldown(page: string): Promise<readonly Output[]> {
  const { output } = await (await rolldown({ input: page })).generate({ minify: true });
  return output.flatMap((it) => (it.type === "chunk" ? [{ isEntry: it.isEntry, code: it.code }] : []));
}
