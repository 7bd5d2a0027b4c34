import { expect, test } from "bun:test";
import { runRolls } from "./roll-run.ts";
import { rollTable } from "./table.ts";
import { violationsOf } from "./violations.ts";
import { upgrade, WorkersDriver } from "./workers-driver.ts";

test.concurrent("two rolls of three workers are not noticed by any client", async () => {
  await using driver = new WorkersDriver({ workers: 3 });
  const result = await runRolls({ driver, each: 8, rolls: 2 });
  console.log(rollTable([result]));
  expect(violationsOf(result)).toEqual([]);
  expect(result.acknowledged).toBeGreaterThan(100);
});

test.concurrent("an upgrade of the supervisor and its workers is not noticed by any client", async () => {
  await using driver = new WorkersDriver({ name: "upgrade, 2 workers", workers: 2, drainWindowS: 3, roll: upgrade });
  const result = await runRolls({ driver, each: 6, rolls: 1 });
  console.log(rollTable([result]));
  expect(violationsOf(result)).toEqual([]);
  expect(driver.server.output).toContain("has taken over the server on port");
  expect(result.acknowledged).toBeGreaterThan(100);
});
