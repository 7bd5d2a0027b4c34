import { expect, test } from "bun:test";
import { runRolls } from "./roll-run.ts";
import { rollTable } from "./table.ts";
import { violationsOf } from "./violations.ts";
import { WorkersDriver } from "./workers-driver.ts";

test("two rolls of three workers are not noticed by any client", async () => {
  await using driver = new WorkersDriver({ workers: 3 });
  const result = await runRolls({ driver, each: 12, rolls: 2 });
  console.log(rollTable([result]));
  expect(violationsOf(result)).toEqual([]);
  expect(result.acknowledged).toBeGreaterThan(100);
});
