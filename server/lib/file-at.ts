import { type Stats, statSync } from "node:fs";

/**
 * Looks up a path and follows links. Undefined if nothing can be found there: no file, a file in place of its directory, a
 * link to itself, or no permission. Opening it gives the reason. (`throwIfNoEntry: false` throws for all but the first.)
 */
export function fileAt(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
