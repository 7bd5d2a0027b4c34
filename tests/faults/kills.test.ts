import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { type Figures, faultEnv, isLong, runFaults, secondsOf, settingsFolder, sound } from "./fault-run.ts";

const limitMs = 600_000;
const clientsOfEachKind = isLong ? 50 : 25;
const durationMs = secondsOf(8, 120);
/** How often the server is hit in one run. */
const blows = isLong ? 3 : 1;

test(
  "a worker that is killed costs none of them anything",
  async () => {
    await using server = await startServer({ env: faultEnv, cwd: settingsFolder, flags: ["--workers", "3"] });
    const [, pids = ""] = await server.untilLogged(/workers share port \d+: ([\d, ]+)/);
    const victims = pids.split(", ").map(Number);
    const disturb = () =>
      spread(async () => {
        const pid = victims.pop();
        if (pid !== undefined) process.kill(pid, "SIGKILL");
      });
    expectMuch(await runFaults({ name: "kill -9 of a worker", server, clientsOfEachKind, durationMs, disturb }));
    await server.untilLogged(/worker \d is back/);
  },
  limitMs,
);

test(
  "a server with DATA_DIR that is killed and started again goes on in the same numbering, and nothing is missing",
  () =>
    overRestarts("kill -9 and restart", {}, async (server) => {
      server.signal("SIGKILL");
      await server.exited;
    }),
  limitMs,
);

test(
  "nor is anything when it is stopped, and moves its clients away, before it is started again",
  () =>
    overRestarts("drain and restart", { DRAIN_MODE: "move", DRAIN_WINDOW: "2s" }, async (server) => {
      server.signal("SIGTERM");
      expect(await server.exited).toBe(0);
      const [, receipt = ""] = await server.untilLogged(/Stopped: (\{.*\})/);
      expect(JSON.parse(receipt)).toMatchObject({ forced: 0, unflushed_bytes: 0 });
    }),
  limitMs,
);

/** Plays a run in which the server is ended, in one way or another, and started again on the same port and directory. */
async function overRestarts(
  name: string,
  more: Readonly<{ [name: string]: string }>,
  end: (server: ServerUnderTest) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "fanfare-faults-"));
  await using lives = new AsyncDisposableStack();
  lives.defer(() => rm(directory, { recursive: true }));
  const options = { env: { ...faultEnv, ...more, DATA_DIR: directory }, cwd: settingsFolder };
  const server = lives.use(await startServer(options));
  let current = server;
  const disturb = () =>
    spread(async () => {
      await end(current);
      current = lives.use(await startServer({ ...options, flags: ["--port", String(server.port)] }));
    });
  expectMuch(await runFaults({ name, server, clientsOfEachKind, durationMs, disturb }));
}

/** Does something at even distances within the run, never at its begin or end. */
async function spread(strike: () => Promise<void>): Promise<void> {
  for (let blow = 0; blow < blows; blow++) {
    await Bun.sleep(durationMs / (blows + 1));
    await strike();
  }
}

function expectMuch(figures: Figures): void {
  expect(figures).toMatchObject(sound);
  expect(figures.welcomes).toBeGreaterThan(figures.clients);
  expect(figures.halved).toBeGreaterThan(figures.clients / 2);
}
