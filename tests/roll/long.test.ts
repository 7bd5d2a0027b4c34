import { expect, test } from "bun:test";
import { describeIf } from "../test-if.ts";
import { until } from "../waiting.ts";
import { NodesDriver } from "./nodes-driver.ts";
import { type RollResult, runRolls } from "./roll-run.ts";
import { rollTable } from "./table.ts";
import { violationsOf } from "./violations.ts";
import { WorkersDriver } from "./workers-driver.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const needsTime = "runs with npm run test:long";
const limitMs = 600_000;
const rolls = 10;

/** The process ids of the workers, according to the log. */
function workerPids(output: string): readonly number[] {
  const lists = [...output.matchAll(/(?:workers share port \d+: |new workers are ready \()([\d, ]+)/g)];
  return (lists.at(-1)?.[1] ?? "").split(", ").map(Number);
}

function expectUnnoticed(result: RollResult): void {
  console.log(rollTable([result]));
  expect(violationsOf(result)).toEqual([]);
}

describeIf(isLong, needsTime)(
  "ten rolls in a row, with clients of every kind, EventSources in Chromium and stuck readers",
  () => {
    test(
      "of three workers, with a worker killed among them, are not noticed by any client",
      async () => {
        await using driver = new WorkersDriver({ workers: 3 });
        const disturb = async (number: number) => {
          if (number !== 5) return false;
          process.kill(workerPids(driver.server.output)[0] ?? 0, "SIGKILL");
          await driver.server.untilLogged(/worker \S+ has restarted/);
          return true;
        };
        expectUnnoticed(await runRolls({ driver, each: 12, inBrowser: true, rolls, disturb }));
        expect(driver.server.output).toContain("exited with SIGKILL");
      },
      limitMs,
    );

    test(
      "of two nodes on Redis, with a failover of Redis among them, are not noticed by any client",
      async () => {
        await using driver = new NodesDriver();
        const disturb = async (number: number) => {
          if (number !== 5) return false;
          await driver.redis.primary.kill();
          const isPrimary = async () => String(await driver.redis.replica.command("ROLE")).startsWith("master");
          await until(isPrimary, "the replica is the primary");
          await driver.untilPublishing();
          return true;
        };
        expectUnnoticed(await runRolls({ driver, each: 12, inBrowser: true, rolls, disturb }));
      },
      limitMs,
    );
  },
);
