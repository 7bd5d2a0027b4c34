import { posix } from "node:path";
import { fileURLToPath } from "node:url";

/** The text of every file, by its path from the root of the project. */
export type Sources = ReadonlyMap<string, string>;

/** One import: the file that contains it, and the file or package that it names. */
export interface Import {
  readonly from: string;
  readonly to: string;
  readonly isPackage: boolean;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Reads all files of the project that match a pattern, except installed and built ones. */
export async function readSources(pattern: string): Promise<Sources> {
  const sources = new Map<string, string>();
  for await (const path of new Bun.Glob(pattern).scan({ cwd: root, dot: true })) {
    if (/(^|\/)(node_modules|dist|\.git|\.cache|fanfare-data)\//.test(path)) continue;
    sources.set(path, await Bun.file(root + path).text());
  }
  return sources;
}

/** All imports of all files, including type imports, which make files depend on each other just the same. */
export function importsOf(sources: Sources): readonly Import[] {
  return [...sources].flatMap(([from, text]) => namesIn(text).map((name) => toImport(from, name)));
}

export function isTest(path: string): boolean {
  return path.startsWith("tests/") || /\.test\.tsx?$/.test(path);
}

/** Statements begin at the start of a line, because of the formatter. So examples in comments do not match. */
function namesIn(text: string): readonly string[] {
  const statements = /^(?:import|export)\b[^"';]*\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return [...text.matchAll(statements)].flatMap(([, from, bare, called]) => from ?? bare ?? called ?? []);
}

function toImport(from: string, name: string): Import {
  const isPackage = !name.startsWith(".");
  return { from, to: isPackage ? name : posix.join(posix.dirname(from), name), isPackage };
}
