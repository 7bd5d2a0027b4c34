import { logConformance } from "../../../tests/conformance/log.ts";
import { MemoryLog } from "./log.ts";

logConformance("MemoryLog", async (clock, limits) => ({
  log: new MemoryLog({ ...limits, clock }),
  dispose: async () => {},
}));
