import { expect, test } from "bun:test";
import { describeIf } from "../test-if.ts";
import { closingAtOnce, stoppingAtOnce } from "./broken-program.ts";
import { NodesDriver, type NodesOptions } from "./nodes-driver.ts";
import { type RollResult, runRolls } from "./roll-run.ts";
import { violationsOf } from "./violations.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const limitMs = 180_000;

/** One roll of two nodes with a fault. */
async function rollBroken(options: NodesOptions, perSecond = 60): Promise<RollResult> {
  await using driver = new NodesDriver(options);
  return await runRolls({ driver, each: 8, rolls: 1, ignoresNotices: true, perSecond, settleMs: 5000 });
}

describeIf(isLong, "runs with npm run test:long")("the check fails for two nodes", () => {
  test(
    "that stop at once and exit, without closing their clients",
    async () => {
      using copy = stoppingAtOnce();
      const result = await rollBroken({ main: copy.main });
      expect(result.unclean).toBeGreaterThan(0);
      expect(violationsOf(result).join()).toContain("closes per second");
    },
    limitMs,
  );

  test(
    "that close all clients and exit at once",
    async () => {
      using copy = closingAtOnce();
      expect(violationsOf(await rollBroken({ main: copy.main })).join()).toContain("closes per second");
    },
    limitMs,
  );

  test(
    "whose new processes do not join the old ones",
    async () => {
      const result = await rollBroken({ restartEnv: { REDIS_PREFIX: "another:" } });
      expect(result.gaps).toBeGreaterThan(0);
      expect(result.lost).toBeGreaterThan(0);
    },
    limitMs,
  );

  test(
    "that keep no history",
    async () => {
      const result = await rollBroken({ historySize: 0, env: { HISTORY_BYTES: "1KiB" } }, 300);
      expect(result.gaps).toBeGreaterThan(0);
      expect(result.lost).toBeGreaterThan(0);
    },
    limitMs,
  );
});
