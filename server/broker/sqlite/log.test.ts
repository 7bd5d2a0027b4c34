import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logConformance } from "../../../tests/conformance/log.ts";
import { SqliteLog } from "./log.ts";

logConformance("SqliteLog", async (clock, limits) => {
  const directory = await mkdtemp(join(tmpdir(), "fanfare-log-"));
  return {
    log: new SqliteLog({ ...limits, clock, directory }),
    dispose: () => rm(directory, { recursive: true }),
  };
});
