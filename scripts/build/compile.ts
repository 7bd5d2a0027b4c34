import { rmSync } from "node:fs";
import { join } from "node:path";
import { bundleScript, readBrowserFile } from "../../server/http/browser-files.ts";

/**
 * `bun scripts/build/compile.ts <outfile> [<target>]`: makes one executable of the server, its command line and the files for
 * browsers. A target such as `bun-linux-arm64` needs that platform's runtime, which Bun downloads.
 */
const [outfile = "", target] = process.argv.slice(2);
const root = join(import.meta.dir, "..", "..");

/** The module that takes the place of server/http/browser-files.ts: the executable has no sources to make the files from. */
async function madeBrowserFiles(): Promise<string> {
  const files: Record<string, string> = {};
  for (const path of [
    "web/base.css",
    "web/page/page.html",
    "web/page/page.css",
    "web/page/icon.svg",
    "web/admin/admin.html",
    "web/admin/admin.css",
  ])
    files[path] = await readBrowserFile(path);
  const scripts = {
    "client/browser.ts": await bundleScript("client/browser.ts", { format: "iife", minify: true }),
    "web/admin/admin.tsx": await bundleScript("web/admin/admin.tsx", { format: "esm", minify: true }),
    "web/page/page.ts": await bundleScript("web/page/page.ts", { format: "esm", minify: false }),
  };
  return `const files = ${JSON.stringify({ ...files, ...scripts })};
    const read = async (path) => files[path] ?? Promise.reject(new Error(path + " is not in this executable"));
    export { read as readBrowserFile, read as bundleScript };`;
}

const contents = await madeBrowserFiles();
const built = await Bun.build({
  entrypoints: [join(root, "server/binary.ts"), join(root, "server/broker/sqlite/thread.ts")],
  // Beside the program, where `new URL("./thread.ts", import.meta.url)` looks for it.
  naming: { entry: "[name].[ext]" },
  compile: {
    outfile,
    ...(target === undefined ? {} : { target: target as Bun.Build.CompileTarget }),
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
  // Without it, a start takes more than twice the CPU time, most of it for parsing. An engine of another platform cannot read it.
  bytecode: target === undefined,
  format: "esm",
  minify: { syntax: true, whitespace: true },
  sourcemap: "inline",
  plugins: [
    {
      name: "files for browsers",
      setup(build) {
        build.onLoad({ filter: /[\\/]http[\\/]browser-files\.ts$/ }, () => ({ contents, loader: "js" }));
      },
    },
  ],
});
// The executable contains its source map. Bun also writes it beside the executable.
for (const { kind, path } of built.outputs) if (kind === "sourcemap") rmSync(path);
if (!built.success) throw new AggregateError(built.logs, "the executable could not be built");
