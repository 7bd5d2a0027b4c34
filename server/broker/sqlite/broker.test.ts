import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokerConformance, oneWorkerOnly } from "../../../tests/conformance/broker.ts";
import { EmbeddedBroker } from "../embedded/broker.ts";
import { SqliteLog } from "./log.ts";

brokerConformance(
  "EmbeddedBroker with a log in SQLite",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "fanfare-log-"));
    return {
      connect: () => new EmbeddedBroker(new SqliteLog({ directory })),
      dispose: () => rm(directory, { recursive: true }),
    };
  },
  { skip: oneWorkerOnly },
);
