import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize, relative, resolve } from "node:path";
import { run } from "../run.js";

/**
 * Writes the type declarations of the entry points, and of what they import, with the paths that the files have below the root.
 *
 * @param {string} settings the compiler settings of the entry points
 * @param {readonly string[]} entryPoints paths from the root, such as `client/index.ts`
 * @param {string} target the folder to write to
 */
export async function writeTypes(settings, entryPoints, target) {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-types-"));
  try {
    const project = join(folder, "tsconfig.json");
    const compilerOptions = {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      stripInternal: true,
      rootDir: resolve("."),
      outDir: folder,
      typeRoots: [resolve("node_modules/@types")],
    };
    const files = entryPoints.map((it) => resolve(it));
    writeFileSync(project, JSON.stringify({ extends: resolve(settings), compilerOptions, include: [], files }));
    const { code } = await run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", project]);
    if (code !== 0) throw new Error(`tsc could not write the types of ${entryPoints.join(", ")}`);
    for (const path of reachable(folder, entryPoints.map(toDeclaration))) {
      mkdirSync(dirname(join(target, path)), { recursive: true });
      cpSync(join(folder, path), join(target, path));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The declarations, and those that they import. The compiler also writes those of all other files of the program. In each of
 * them, imports of `.ts` files become imports of `.js` files: only the latter need no compiler option to be read.
 *
 * @param {string} folder
 * @param {readonly string[]} paths from the folder
 */
function reachable(folder, paths) {
  const found = new Set(paths);
  for (const path of found) {
    const file = join(folder, path);
    const text = readFileSync(file, "utf8");
    const renamed = text.replace(/(\bfrom |\bimport\()"(\.[^"]*)\.ts"/g, (_, before, imported) => {
      found.add(relative("", normalize(join(dirname(path), toDeclaration(`${imported}.ts`)))));
      return `${before}"${imported}.js"`;
    });
    writeFileSync(file, renamed);
  }
  return found;
}

/** @param {string} path */
function toDeclaration(path) {
  return path.replace(/\.ts$/, ".d.ts");
}
