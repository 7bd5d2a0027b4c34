#!/usr/bin/env node
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bunIsMissing, findBun } from "../bin/find-bun.js";

/** `node examples/run.js prices` runs all parts of one example, with the Bun that npm installed. */
const bun = findBun();
if (bun === undefined) {
  console.error(bunIsMissing());
  process.exit(1);
}
const program = join(dirname(fileURLToPath(import.meta.url)), "run.ts");
const child = spawn(bun, ["--no-env-file", "--no-orphans", program, ...process.argv.slice(2)], { stdio: "inherit" });
// Ctrl+C reaches both processes. SIGTERM reaches only this one, so it is forwarded. If this one is killed, --no-orphans ends
// the other.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
