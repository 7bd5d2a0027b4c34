import { expect, test } from "bun:test";
import { join } from "node:path";

/** What a page loads at once, and what it loads in total with the stream, which is fetched only where WebSocket fails. Compressed bytes. */
const coreBytes = 6 * 1024;
const wholeBytes = 7.5 * 1024;

test("the SDK stays small", async () => {
  const core = await builtSize(["*/sse.ts"]);
  const whole = await builtSize([]);
  expect(core).toBeLessThan(coreBytes);
  expect(whole).toBeLessThan(wholeBytes);
  // Otherwise the stream was bundled into the core, or is missing.
  expect(whole - core).toBeGreaterThan(500);
});

async function builtSize(external: string[]): Promise<number> {
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, "index.ts")],
    minify: true,
    target: "browser",
    external,
  });
  const [bundle] = outputs;
  return Bun.gzipSync(await (bundle ?? new Blob()).arrayBuffer(), { level: 9 }).length;
}
