import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerUnderTest, type StartOptions, startServer } from "../e2e/server.ts";
import { eventually } from "../waiting.ts";
import { type FaultCounts, faultEnv, isLong, runFaults, secondsOf, settingsFolder, sound } from "./fault-run.ts";

const limitMs = 600_000;
const clientsOfEachKind = isLong ? 200 : 15;
const durationMs = secondsOf(5, 60);
/** The number of faults in one run. */
const blows = isLong ? 3 : 1;
/** A control sees what it has to after one fault, however long the others run. */
const controlMs = 5000;

test(
  "no client loses anything when a worker is killed",
  async () => {
    await using server = await startServer({ env: faultEnv, cwd: settingsFolder, flags: ["--workers", "3"] });
    const [, pids = ""] = await server.untilLogged(/workers share port \d+: ([\d, ]+)/);
    const victims = pids.split(", ").map(Number);
    const disturb = () =>
      spread(async () => {
        const pid = victims.pop();
        if (pid !== undefined) process.kill(pid, "SIGKILL");
      });
    const plan = { name: "kill -9 of a worker", clientsOfEachKind, durationMs, hasSeenEnough };
    expect(await runFaults({ ...plan, server, disturb })).toMatchObject(sound);
    await server.untilLogged(/worker \d has restarted/);
  },
  limitMs,
);

test(
  "control: clients without a position miss what was published while their worker was down, and the checker counts it",
  async () => {
    await using server = await startServer({ env: faultEnv, cwd: settingsFolder, flags: ["--workers", "3"] });
    const [, pids = ""] = await server.untilLogged(/workers share port \d+: ([\d, ]+)/);
    const [victim = 0] = pids.split(", ").map(Number);
    const disturb = () => once(async () => void process.kill(victim, "SIGKILL"));
    // Long-lived connections, so that only the kill costs messages.
    const plan = { name: "control: kill -9 of a worker", resumes: false, clientsOfEachKind: 15, lifeMs: 3_600_000 };
    const { lost } = await runFaults({ ...plan, server, durationMs: controlMs, disturb });
    expect(lost).toBeGreaterThan(0);
  },
  limitMs,
);

test(
  "control: a server without DATA_DIR that is killed loses acknowledged messages, and the checker sees it",
  async () => {
    await using servers = new AsyncDisposableStack();
    const options = { env: faultEnv, cwd: settingsFolder };
    const server = servers.use(await startServer(options));
    const disturb = () =>
      once(async () => {
        await kill(server);
        servers.use(await startPatiently({ ...options, flags: ["--port", String(server.port)] }));
      });
    const plan = {
      name: "control: killed without DATA_DIR",
      clientsOfEachKind: 15,
      durationMs: controlMs,
      settleMs: 5000,
      disturb,
    };
    const { lost, faults } = await runFaults({ ...plan, server });
    expect(lost + faults.length).toBeGreaterThan(0);
  },
  limitMs,
);

/** A way to stop a server, and the options to start it with. */
interface Shutdown {
  readonly name: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<{ [name: string]: string }>;
  end(server: ServerUnderTest): Promise<void>;
}

const shutdowns: readonly Shutdown[] = [
  { name: "killed", end: kill },
  // Its workers run a little longer: the port is in use until their clients are gone.
  { name: "killed with workers", flags: ["--workers", "3"], env: { DRAIN_WINDOW: "1s" }, end: kill },
  { name: "drained in the mode move", env: { DRAIN_MODE: "move", DRAIN_WINDOW: "2s" }, end: drain },
  {
    name: "drained in the mode move with workers",
    flags: ["--workers", "3"],
    env: { DRAIN_MODE: "move", DRAIN_WINDOW: "2s" },
    end: drain,
  },
  { name: "drained to the deadline", env: { SHUTDOWN_TIMEOUT: "2s" }, end: drain },
];

/** With workers it takes as long again and differs little, so only if there is time. */
const chosen = shutdowns.filter(({ flags }) => isLong || flags === undefined);

test.each(chosen)(
  "a server with DATA_DIR that is $name and restarted on its port continues in the same epoch",
  async ({ name, flags = [], env = {}, end }) => {
    const directory = await mkdtemp(join(tmpdir(), "fanfare-faults-"));
    await using servers = new AsyncDisposableStack();
    servers.defer(() => rm(directory, { recursive: true }));
    const options = { env: { ...faultEnv, ...env, DATA_DIR: directory }, cwd: settingsFolder };
    const server = servers.use(await startServer({ ...options, flags }));
    let current = server;
    const disturb = () =>
      spread(async () => {
        await end(current);
        const samePort = [...flags, "--port", String(server.port)];
        current = servers.use(await startPatiently({ ...options, flags: samePort }));
      });
    const plan = { name, clientsOfEachKind, durationMs, hasSeenEnough };
    expect(await runFaults({ ...plan, server, disturb })).toMatchObject(sound);
  },
  limitMs,
);

async function kill(server: ServerUnderTest): Promise<void> {
  server.signal("SIGKILL");
  await server.exited;
}

async function drain(server: ServerUnderTest): Promise<void> {
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
  const [, receipt = ""] = await server.untilLogged(/Stopped: (\{.*\})/);
  expect(JSON.parse(receipt)).toMatchObject({ unflushed_bytes: 0 });
}

/** As a service manager does: starts it again until it runs. */
async function startPatiently(options: StartOptions): Promise<ServerUnderTest> {
  let server: ServerUnderTest | undefined;
  await eventually(async () => {
    server = await startServer(options);
  });
  return server ?? expect.unreachable();
}

/** Does something at regular intervals within the run, but not at its start or end. */
async function spread(strike: () => Promise<void>): Promise<void> {
  for (let blow = 0; blow < blows; blow++) {
    await Bun.sleep(durationMs / (blows + 1));
    await strike();
  }
}

/** The same in the middle of a control. */
async function once(strike: () => Promise<void>): Promise<void> {
  await Bun.sleep(controlMs / 2);
  await strike();
}

/** Whether the run contained the faults that it is about. */
function hasSeenEnough({ clients, welcomes, halved }: FaultCounts): boolean {
  return welcomes > clients && halved > clients / 2;
}
