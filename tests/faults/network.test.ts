import { expect, test } from "bun:test";
import { startServer } from "../e2e/server.ts";
import { type FaultCounts, faultEnv, isLong, runFaults, secondsOf, settingsFolder, sound } from "./fault-run.ts";

test("over connections that break, stall and slow down, every client gets acknowledged messages once and in order, or an exact gap", async () => {
  await using server = await startServer({ env: faultEnv, cwd: settingsFolder });
  const result = await runFaults({
    name: "rough network",
    server,
    clientsOfEachKind: isLong ? 200 : 25,
    durationMs: secondsOf(10, 300),
    hasSeenEnough,
  });
  expect(result).toMatchObject(sound);
}, 600_000);

/** Whether the run contained the faults that it is about. */
function hasSeenEnough({ clients, cuts, halved, duplicates, gaps }: FaultCounts): boolean {
  return cuts > clients && halved > clients && duplicates > 0 && gaps > 0;
}
