import { expect, test } from "bun:test";
import { startServer } from "../e2e/server.ts";
import { type FaultPlan, type FaultResult, faultEnv, runFaults, settingsFolder } from "./fault-run.ts";

const limitMs = 120_000;

test(
  "clients without a position miss messages, and the checker counts them",
  async () => {
    const { lost, doubled } = await play({ name: "control: no resume", resumes: false });
    expect({ isLost: lost > 0, doubled }).toEqual({ isLost: true, doubled: 0 });
  },
  limitMs,
);

test(
  "messages retried with new ids are stored twice, and the checker counts them",
  async () => {
    const { lost, doubled } = await play({ name: "control: new ids", retriesWithSameId: false });
    expect({ isDoubled: doubled > 0, lost }).toEqual({ isDoubled: true, lost: 0 });
  },
  limitMs,
);

test(
  "a server that lets cursors read beyond the flushed messages delivers twice, and the checker counts it",
  async () => {
    // Messages wait in both, since the rule about cursors matters only while they wait.
    const sound = await play({ name: "control: patient", pauseMs: 10 }, "tests/faults/broken/patient.ts");
    const broken = await play({ name: "control: level at head", pauseMs: 10 }, "tests/faults/broken/level-at-head.ts");
    expect({ doubled: sound.doubled, isDoubled: broken.doubled > 0 }).toEqual({ doubled: 0, isDoubled: true });
  },
  limitMs,
);

/** A short run against a correct server, or a broken one. */
async function play(plan: Pick<FaultPlan, "name"> & Partial<FaultPlan>, main = "server/main.ts"): Promise<FaultResult> {
  await using server = await startServer({ env: faultEnv, cwd: settingsFolder, main });
  return await runFaults({ clientsOfEachKind: 15, durationMs: 5000, lifeMs: 1500, server, ...plan });
}
