import { posix } from "node:path";
import { fileURLToPath } from "node:url";

/** Every file that was read: its path from the root of the project, and its text. */
export type Sources = ReadonlyMap<string, string>;

/** One import: the file it stands in, and the file or package it names. */
export interface Import {
  readonly from: string;
  readonly to: string;
  readonly isPackage: boolean;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Reads all files of the project that a pattern names, but nothing that was installed or built. */
export async function readSources(pattern: string): Promise<Sources> {
  const sources = new Map<string, string>();
  for await (const path of new Bun.Glob(pattern).scan({ cwd: root, dot: true })) {
    if (/(^|\/)(node_modules|dist|\.git|\.cache|fanfare-data)\//.test(path)) continue;
    sources.set(path, await Bun.file(root + path).text());
  }
  return sources;
}

/** All imports of all files, those of types only included: they tie files together just the same. */
export function importsOf(sources: Sources): readonly Import[] {
  return [...sources].flatMap(([from, text]) => namesIn(text).map((name) => toImport(from, name)));
}

export function isTest(path: string): boolean {
  return path.startsWith("tests/") || /\.test\.tsx?$/.test(path);
}

/** A statement begins at the start of its line (the formatter sees to that), so an example in a comment is none. */
function namesIn(text: string): readonly string[] {
  const statements = /^(?:import|export)\b[^"';]*\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return [...text.matchAll(statements)].flatMap(([, from, bare, called]) => from ?? bare ?? called ?? []);
}

function toImport(from: string, name: string): Import {
  const isPackage = !name.startsWith(".");
  return { from, to: isPackage ? name : posix.join(posix.dirname(from), name), isPackage };
}
