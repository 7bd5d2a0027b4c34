import { readdir } from "node:fs/promises";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..", "server");

/** Every string in the server's source that looks like a URL path. It finds routes that are not documented. */
export async function pathsInTheSource(): Promise<readonly string[]> {
  const files = (await readdir(root, { recursive: true })).filter((it) => /(?<!\.test)\.ts$/.test(it));
  const found = new Set<string>();
  for (const file of files) {
    const text = await Bun.file(join(root, file)).text();
    for (const [, path = ""] of text.matchAll(/["'`](\/[a-z][a-z0-9_.\-/]*)["'`]/g)) found.add(path);
  }
  return [...found].sort();
}
