import { readFileSync } from "node:fs";

/** The text of a file; undefined if it does not exist. @throws Error if it cannot be read */
export function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
