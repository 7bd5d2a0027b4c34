import { scheduleStoreConformance } from "../../../tests/conformance/schedule.ts";
import { makeSocketPath, removeSocketPath } from "../../lib/link/socket-path.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Records } from "../memory/records.ts";
import { leaseMs } from "../schedule-store.ts";
import { ScheduleHost } from "./host.ts";
import { IpcScheduleStore } from "./store.ts";

scheduleStoreConformance("IpcScheduleStore", async (limits) => {
  const path = makeSocketPath("fanfare-test");
  const clock = new MovedClock();
  const records = new Records({ limits, clock });
  const host = new ScheduleHost({ path, records, isDurable: false, close: () => records.close() });
  host.start();
  return {
    open: () => new IpcScheduleStore({ path, name: "worker" }),
    isDurable: false,
    passLease: async () => clock.move(leaseMs + 1),
    [Symbol.asyncDispose]: async () => {
      await host.close();
      removeSocketPath(path);
    },
  };
});
