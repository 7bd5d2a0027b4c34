import { expect, test } from "bun:test";
import { startServer } from "../e2e/server.ts";
import { faultEnv, isLong, runFaults, secondsOf, settingsFolder, sound } from "./fault-run.ts";

test("over connections that break, stall and slow down, every client gets acknowledged messages once and in order, or an exact gap", async () => {
  await using server = await startServer({ env: faultEnv, cwd: settingsFolder });
  const figures = await runFaults({
    name: "rough network",
    server,
    clientsOfEachKind: isLong ? 200 : 50,
    durationMs: secondsOf(15, 300),
  });
  expect(figures).toMatchObject(sound);
  // The run contained the faults that it is about.
  expect(figures.cuts).toBeGreaterThan(figures.clients);
  expect(figures.halved).toBeGreaterThan(figures.clients);
  expect(figures.duplicates).toBeGreaterThan(0);
  expect(figures.gaps).toBeGreaterThan(0);
}, 600_000);
