import { readBrowserFile } from "./browser-files.ts";

/** The styles of a page: the common ones, and its own. @param path as of `readBrowserFile` */
export async function readStyles(path: string): Promise<string> {
  const parts = await Promise.all(["web/base.css", path].map(readBrowserFile));
  return parts.join("\n");
}
