import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../waiting.ts";

const root = join(import.meta.dir, "..", "..");

/** A server started by a launcher, as a user or a service does it. */
export interface Launched extends AsyncDisposable {
  /** The outermost process, the one that the user knows. */
  readonly pid: number;
  readonly url: string;
  readonly log: () => string;
  /** The terminal that it was started in, if any. */
  readonly terminal: Bun.Terminal | undefined;
  /** Resolves once all its processes have exited. */
  untilGone(): Promise<void>;
}

interface LaunchOptions {
  /** The working directory: the checkout by default. */
  readonly cwd?: string;
  readonly flags?: readonly string[];
  readonly isAtTerminal?: boolean;
  /** Contains the URL, if there is one. */
  readonly waitsFor?: RegExp;
}

export async function launch(
  command: readonly string[],
  {
    cwd = root,
    flags = [],
    isAtTerminal = false,
    waitsFor = /(?:Listening on ws:\/\/|WebSocket +ws:\/\/)(\S+:\d+)\/ws/,
  }: LaunchOptions = {},
): Promise<Launched> {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-e2e-"));
  const path = join(folder, "log");
  const { PATH = "", HOME = folder } = process.env;
  // The processes are found by this directory, which all of them have in their environment.
  const env = { PATH, HOME, TMPDIR: folder, NOTIFICATION_INTERVAL: "0", DRAIN_WINDOW: "1s" };
  const log = openSync(path, "a");
  let shown = "";
  const show = (bytes: Uint8Array) => {
    shown += new TextDecoder().decode(bytes);
  };
  const terminal = isAtTerminal
    ? new Bun.Terminal({ cols: 200, rows: 50, data: (_, bytes) => show(bytes) })
    : undefined;
  const common = { cwd, env: { ...env, npm_config_user_agent: "a test" } };
  const args = [...command, "--port", "0", ...flags];
  // A terminal sends signals only to its own session: Ctrl+C, and SIGHUP when it is closed.
  const child =
    terminal === undefined
      ? Bun.spawn(args, { ...common, stdio: ["ignore", log, log] })
      : Bun.spawn(["setsid", "--ctty", "--wait", ...args], { ...common, terminal });
  closeSync(log);
  const launched = {
    pid: child.pid,
    url: "",
    log: () => shown + readFileSync(path, "utf8"),
    terminal,
    untilGone: async () => {
      await until(() => processesOf(folder).length === 0, "every process of it is gone");
    },
    async [Symbol.asyncDispose]() {
      for (const pid of processesOf(folder)) process.kill(pid, "SIGKILL");
      await launched.untilGone();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  const found = () => waitsFor.exec(launched.log());
  await until(() => found() !== null || child.exitCode !== null, "the server listens");
  const [isThere, address] = found() ?? [];
  if (isThere === undefined) throw new Error(`it ended and said: ${launched.log()}`);
  return { ...launched, url: `http://${address}` };
}

/** The processes that were started with this directory as TMPDIR. */
function processesOf(folder: string): readonly number[] {
  const { stdout } = Bun.spawnSync(["sh", "-c", `grep -lsz "^TMPDIR=${folder}$" /proc/[0-9]*/environ`]);
  const pids = stdout.toString().match(/\d+/g) ?? [];
  return pids.map(Number).filter((pid) => !/^\d+ \(.*\) Z/.test(statOf(pid)));
}

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return `${pid} (gone) Z`;
  }
}
