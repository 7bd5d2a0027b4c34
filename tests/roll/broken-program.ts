import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ProgramCopy } from "../e2e/program-copy.ts";

const root = join(import.meta.dir, "..", "..");

/** A copy of the program whose workers run this code first. */
function breakWorkers(code: string): ProgramCopy {
  const copy = new ProgramCopy();
  copy.write("server/worker/sound-hosted.ts", readFileSync(join(root, "server/worker/hosted.ts"), "utf8"));
  copy.write("server/worker/hosted.ts", `${code}\nawait import("./sound-hosted.ts");\nexport {};\n`);
  return copy;
}

/** Its workers stop at once and exit, without closing their clients. */
export const stoppingAtOnce = () =>
  breakWorkers(`import { HttpServer } from "../http/server.ts";
    HttpServer.prototype.stopListening = function () { this.close(); process.exit(0); };`);

/** Its workers close all clients and exit at once. */
export const closingAtOnce = () =>
  breakWorkers(`import { Drain } from "../hub/drain.ts";
    Drain.prototype.notifyAll = function () { this.closeAtOnce(); process.exit(0); };`);
