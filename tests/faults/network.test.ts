import { expect, test } from "bun:test";
import { startServer } from "../e2e/server.ts";
import { faultEnv, isLong, runFaults, secondsOf, settingsFolder, sound } from "./fault-run.ts";

test("over connections that break, stall and slow down, every client gets acknowledged messages once and in order, or an exact gap", async () => {
  await using server = await startServer({ env: faultEnv, cwd: settingsFolder });
  const result = await runFaults({
    name: "rough network",
    server,
    clientsOfEachKind: isLong ? 200 : 50,
    durationMs: secondsOf(15, 300),
  });
  expect(result).toMatchObject(sound);
  // The run contained the faults that it is about.
  expect(result.cuts).toBeGreaterThan(result.clients);
  expect(result.halved).toBeGreaterThan(result.clients);
  expect(result.duplicates).toBeGreaterThan(0);
  expect(result.gaps).toBeGreaterThan(0);
}, 600_000);
