import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");

/**
 * Files for browsers, made from the sources when they are needed: bundling at start would double the start-up time, and most
 * servers never get the request. A single executable has no sources. It contains the results in place of this file, which
 * scripts/build/binary.js replaces.
 *
 * @param path from the root of the project, such as `web/page/page.html`
 */
export function readBrowserFile(path: string): Promise<string> {
  return Bun.file(join(root, path)).text();
}

/** How a script is bundled. A plain `<script>` needs `iife`. */
export interface BundleOptions {
  readonly format: "esm" | "iife";
  readonly minify: boolean;
}

/** Bundles a script and all its imports into one text. @param path of its entry point, from the root of the project */
export async function bundleScript(path: string, { format, minify }: BundleOptions): Promise<string> {
  const entrypoints = [join(root, path)];
  // Otherwise the tsconfig.json of the working directory could replace modules. The project's own is not installed.
  const tsconfig = join(root, "bin", "no-tsconfig.json");
  const built = await Bun.build({ entrypoints, target: "browser", format, minify, tsconfig });
  const [output] = built.outputs;
  if (output === undefined) throw new Error(`${path} was bundled into nothing`);
  // Bun names each source in a comment, relative to the working directory. The path of the installation is not for clients, and
  // the same version must have the same hash on every machine.
  return (await output.text()).replace(/^\/\/ \S*?\b((?:client|protocol|web)\/\S+)$/gm, "// $1");
}
