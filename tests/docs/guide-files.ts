import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./page.ts";

/** The files of a guide: the blocks whose first line is a comment with the file's name. @returns path and text of each */
export function filesOfGuide(guide: string): readonly (readonly [path: string, code: string])[] {
  const text = readFileSync(join(root, "docs/guides", guide), "utf8");
  return [...text.matchAll(/^```\w+\n(.*?)^```$/gms)].flatMap(([, code = ""]) => {
    const [, path] = /^(?:\/\/|#) (\S+\.(?:js|tsx?|py))\n/.exec(code) ?? [];
    return path === undefined ? [] : [[path, code] as const];
  });
}
