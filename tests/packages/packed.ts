import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { buildSdk } from "../../scripts/build/sdk.js";
import { writeTypes } from "../../scripts/build/types.js";
import type { FreshProject } from "./fresh-project.ts";

export const root = join(import.meta.dir, "..", "..");

/** Builds and packs `@fanfare/client` as npm would publish it. @returns the path of the tarball */
export async function packSdk(project: FreshProject): Promise<string> {
  const source = project.path("sources", "client");
  mkdirSync(source, { recursive: true });
  copy(["package.json", "README.md", "LICENSE"], join(root, "client"), source);
  await buildSdk(process.execPath, join(source, "dist"));
  return pack(project, source);
}

/** Builds and packs `fanfare`. Not in the checkout, where other tests may build at the same time. */
export async function packServer(project: FreshProject): Promise<string> {
  const source = project.path("sources", "server");
  const folders = ["bin", "protocol", "server", "client", "web"];
  copy(["package.json", "README.md", "LICENSE", ...folders], root, source);
  await buildSdk(process.execPath, join(source, "client", "dist"));
  await writeTypes("tsconfig.json", ["server/index.ts"], join(source, "dist", "types"));
  // `npm run build:binary` leaves 110 MB there, which must not be packed.
  mkdirSync(join(source, "dist", "binary"));
  writeFileSync(join(source, "dist", "binary", "fanfare-linux-x64"), "");
  return pack(project, source);
}

/** Unpacks a tarball, as an install does, without its dependencies. */
export async function unpack(project: FreshProject, tarball: string, name: string): Promise<void> {
  const target = project.path("node_modules", name);
  mkdirSync(target, { recursive: true });
  await project.expect(["tar", "-xzf", tarball, "-C", target, "--strip-components=1"]);
}

function copy(names: readonly string[], from: string, to: string): void {
  const isOther = (path: string) => ["dist", "node_modules"].includes(basename(path));
  for (const name of names)
    cpSync(join(from, name), join(to, name), {
      dereference: true,
      recursive: true,
      filter: (path) => !isOther(path),
    });
}

async function pack(project: FreshProject, source: string): Promise<string> {
  const out = await project.expect(["npm", "pack", source, "--ignore-scripts", "--silent"]);
  return project.path(out.trim());
}
