import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ProgramCopy } from "../e2e/program-copy.ts";
import { testIf } from "../test-if.ts";
import { closingAtOnce, stoppingAtOnce } from "./broken-program.ts";
import { type RollResult, runRolls } from "./roll-run.ts";
import { violationsOf } from "./violations.ts";
import { WorkersDriver, type WorkersOptions } from "./workers-driver.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const root = join(import.meta.dir, "..", "..");

/** One roll of a server with a fault. */
async function rollBroken(options: Partial<WorkersOptions>, perSecond = 60): Promise<RollResult> {
  await using driver = new WorkersDriver({ workers: 1, drainWindowS: 6, ...options });
  return await runRolls({ driver, each: 5, rolls: 1, ignoresNotices: true, perSecond, settleMs: 3000 });
}

describe("the check fails for a server", () => {
  test.concurrent("that stops at once and exits, without closing its clients", async () => {
    using copy = stoppingAtOnce();
    const result = await rollBroken({ main: copy.main });
    expect(result.unclean).toBeGreaterThan(0);
    expect(violationsOf(result).join()).toContain("closes per second");
  });

  test.concurrent("that closes all clients and exits at once", async () => {
    using copy = closingAtOnce();
    expect(violationsOf(await rollBroken({ main: copy.main })).join()).toContain("closes per second");
  });

  test.concurrent("whose new workers have a history of their own", async () => {
    using copy = new ProgramCopy();
    const alone = `import { MemoryLog } from "../broker/memory/log.ts";
      import { MemoryPresence } from "../presence/memory/store.ts";`;
    const sound = readFileSync(join(root, "server/worker/backbone.ts"), "utf8");
    const start = "(reason: string) => void },\n): Promise<Backbone> {\n";
    expect(sound).toContain(start); // of joinBackbone
    const unjoined = `${start}  return {
      broker: new EmbeddedBroker(new MemoryLog(), systemClock), directory: undefined,
      cluster: MemoryCluster.alone(systemClock), presence: new MemoryPresence(systemClock),
      schedules: openScheduleStore(settings, systemClock), resumeSecret: undefined };\n`;
    const roll: WorkersOptions["roll"] = async (server) => {
      copy.write("server/worker/backbone.ts", alone + sound.replace(start, unjoined));
      await server.request("POST", "/v1/reload", {}, { Connection: "close" });
      // The new workers know no supervisor that could be asked.
      await server.untilLogged(/Reload 1 is done/);
    };
    const result = await rollBroken({ main: copy.main, roll });
    expect(result.gaps).toBeGreaterThan(0);
    expect(result.lost).toBeGreaterThan(0);
  });

  test.concurrent("that keeps no history", async () => {
    // The workers' own copy of the last messages is a short history. With this limit it has about 20 milliseconds.
    const result = await rollBroken({ historySize: 0, env: { HISTORY_BYTES: "1KiB" } }, 300);
    expect(result.gaps).toBeGreaterThan(0);
    expect(result.lost).toBeGreaterThan(0);
  });

  testIf(isLong, "roll.test.ts rolls a sound server, too")("and not for a sound one", async () => {
    expect(violationsOf(await rollBroken({}))).toEqual([]);
  });
});
