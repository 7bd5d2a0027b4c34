import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logConformance } from "../../../tests/conformance/log.ts";
import { SqliteLog } from "./log.ts";

const reason = "the file keeps one time per publication, which is the wall clock's";

logConformance(
  "SqliteLog",
  async (clock, limits) => {
    const directory = await mkdtemp(join(tmpdir(), "fanfare-log-"));
    return {
      log: new SqliteLog({ ...limits, clock, directory }),
      dispose: () => rm(directory, { recursive: true }),
    };
  },
  {
    skip: [
      { test: "setting the wall clock forward neither expires history nor forgets ids", reason },
      { test: "setting the wall clock back keeps nothing longer than its time", reason },
    ],
  },
);
