import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeModules } from "../scripts/build/sdk.js";

/** What a page loads at once, and what it loads with the event stream and presence. Compressed bytes. */
const coreBytes = 5 * 1024;
const wholeBytes = 7.5 * 1024;

test("the SDK stays small", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-size-"));
  try {
    await writeModules(process.execPath, folder);
    const { core, later } = await bundle(folder);
    const whole = core + later.reduce((sum, it) => sum + it, 0);
    console.log(`SDK: ${core} bytes for every page, ${whole} with all parts (gzip)`);
    expect(core).toBeLessThan(coreBytes);
    expect(whole).toBeLessThan(wholeBytes);
    // The event stream and presence. Otherwise they were bundled into the core.
    expect(later.map((bytes) => bytes > 400)).toEqual([true, true]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

/**
 * Bundles a page that uses the package. Variables keep the names that they have there: Vite and webpack choose similar ones, while
 * Bun's and esbuild's own ones compress 4 % worse.
 */
async function bundle(folder: string) {
  const page = join(folder, "page.js");
  await Bun.write(page, 'import { createClient } from "./index.js";\ncreateClient("/");\n');
  const { outputs } = await Bun.build({
    entrypoints: [page],
    minify: { syntax: true, whitespace: true, identifiers: false },
    target: "node",
    splitting: true,
  });
  const sizes = await Promise.all(
    outputs.map(async (it) => ({ kind: it.kind, bytes: Bun.gzipSync(await it.arrayBuffer(), { level: 9 }).length })),
  );
  const isCore = ({ kind }: { readonly kind: string }) => kind === "entry-point";
  return {
    core: sizes.filter(isCore).reduce((sum, { bytes }) => sum + bytes, 0),
    later: sizes.filter((it) => !isCore(it)).map(({ bytes }) => bytes),
  };
}
