import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildSdk } from "../../scripts/build/sdk.js";
import type { FreshProject } from "./fresh-project.ts";

export const root = join(import.meta.dir, "..", "..");

/** Builds the SDK, packs it as npm would publish it, and unpacks it into the project's node_modules. */
export async function installPackedSdk(project: FreshProject): Promise<void> {
  const source = project.path("sdk");
  mkdirSync(source);
  for (const file of ["package.json", "README.md", "LICENSE"])
    cpSync(join(root, "client", file), join(source, file), { dereference: true });
  await buildSdk(process.execPath, join(source, "dist"));
  await project.expect(["npm", "pack", "./sdk", "--ignore-scripts", "--silent"]);
  const target = project.path("node_modules/@fanfare/client");
  mkdirSync(target, { recursive: true });
  const [tarball = ""] = [...new Bun.Glob("fanfare-client-*.tgz").scanSync(project.folder)];
  await project.expect(["tar", "-xzf", tarball, "-C", target, "--strip-components=1"]);
}
