import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { childEnv } from "../child-env.ts";
import { FreshProject } from "../packages/fresh-project.ts";
import { testIf } from "../test-if.ts";
import { startServer } from "./server.ts";

const root = join(import.meta.dir, "..", "..");
const main = join(root, "server/main.ts");
const key = "5f3a9c1e7b2d4068-of-a-test";

/** Runs the real program to its end, in a directory without `.env` and settings file. */
async function fanfare(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn([process.execPath, "--no-env-file", main, ...args], {
    cwd: import.meta.dir,
    env: childEnv(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

describe("the program", () => {
  test("has help", async () => {
    const { code, out, err } = await fanfare(["--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("fanfare start --port 9000");
  });

  describe.each(["--help", "config show", "completion bash"])("that prints a text: %s", (command) => {
    const args = [process.execPath, "--no-env-file", main, ...command.split(" ")];

    testIf(process.platform !== "win32", "Windows has no FIFOs")(
      "ends quietly if nobody reads it, as with `head`",
      async () => {
        using project = new FreshProject();
        // A reader that has left: the next write fails.
        const script = 'mkfifo pipe && { : < pipe & } && exec 3> pipe && wait && exec "$@" >&3';
        expect(await project.run(["sh", "-c", script, "sh", ...args])).toEqual({ code: 141, out: "", err: "" });
      },
    );

    testIf(existsSync("/dev/full"), "there is no /dev/full")("says in one line that the disk is full", async () => {
      using project = new FreshProject();
      const err = "error: the output cannot be written: ENOSPC: no space left on device, write\n";
      expect(await project.run(["sh", "-c", 'exec "$@" > /dev/full', "sh", ...args])).toEqual({
        code: 1,
        out: "",
        err,
      });
    });
  });

  test.each([
    [["start", "--prot", "9000"], {}, "error: unknown option '--prot': did you mean --port?\n"],
    [["--port", "many"], {}, 'error: --port: expected a whole number from 0 to 65535, got "many"\n'],
    [
      ["start"],
      { API_KEY: "" },
      "error: API_KEY is empty, so the server would not be secured: set a value, or remove it\n",
    ],
    [["--config", "nope.yaml"], {}, 'error: --config: there is no file "nope.yaml"\n'],
  ])("rejects invalid arguments in one line and with exit code 2: %j %j", async (args, env, err) => {
    expect(await fanfare(args, env)).toEqual({ code: 2, out: "", err });
  });

  test("names the port in use and what to do, with exit code 1", async () => {
    await using first = await startServer();
    const { code, err } = await fanfare(["start", "--port", String(first.port)]);
    const hint = `stop the other program, or choose another port: --port ${first.port + 1} (PORT)`;
    expect({ code, err }).toEqual({
      code: 1,
      err: `error: port ${first.port} on 127.0.0.1 is already in use: ${hint}\n`,
    });
  });

  test("reports an address that does not belong to this machine", async () => {
    const { code, err } = await fanfare(["--port", "0", "--host", "192.0.2.1", "--insecure"]);
    expect({ code, err }).toEqual({
      code: 1,
      err: "error: HOST: this machine does not have the address 192.0.2.1: use 127.0.0.1, or 0.0.0.0 for all addresses\n",
    });
  });
});

describe("the server's output", () => {
  test("is only log lines, if it is not a terminal", async () => {
    await using server = await startServer();
    await server.untilLogged(/Ctrl\+C/);
    expect(server.output).toMatch(/^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| [A-Z]+ \| .*\n)+$/);
  });

  test("is only JSON objects with LOG_FORMAT=json", async () => {
    await using server = await startServer({ env: { LOG_FORMAT: "json" } });
    await server.untilLogged(/Ctrl\+C.*\n/);
    for (const line of server.output.trimEnd().split("\n")) {
      // On a machine with a low limit of open files, the first line is a warning.
      const level = expect.stringMatching(/^(INFO|WARNING)$/);
      expect(JSON.parse(line)).toMatchObject({ level, message: expect.any(String) });
    }
  });

  test("contains neither keys nor tokens, at any level", async () => {
    const secret = "a secret of more than 32 bytes, for tests";
    const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.bm90IG91cnM";
    const env = { LOG_LEVEL: "debug", API_KEY: key, JWT_SECRET: secret };
    await using server = await startServer({ env });
    await server.request("GET", "/v1/connections", undefined, { Authorization: `Bearer ${key}` });
    await fetch(`${server.url}/sse?token=${token}`);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    for (const hidden of [key, secret, token]) expect(server.output).not.toContain(hidden);
  });

  test.each([
    ["an open server", {}],
    ["a secured server", { API_KEY: key, ANONYMOUS: "on" }],
  ])("is for people if everything is a terminal, and contains a command that works as it is: %s", async (_, env) => {
    await using person = atTerminal(["start", "--port", "0"], env);
    const greeting = await person.until(/Ctrl\+C stops the server/);
    expect(greeting).toMatch(/ {2}WebSocket {2}ws:\/\/127\.0\.0\.1:\d+\/ws\n/);
    expect(greeting).not.toContain(key);
    const [, line = ""] = /^ *(curl .*)$/m.exec(greeting) ?? [];
    const { stdout } = Bun.spawnSync(["sh", "-c", line], { env: childEnv(env) });
    expect(JSON.parse(stdout.toString())).toMatchObject({ channel: "all", duplicate: false });
  });
});

/** The program in a terminal. */
function atTerminal(args: readonly string[], env: Readonly<Record<string, string>>) {
  let shown = "";
  let wake = () => {};
  const terminal = {
    cols: 200,
    rows: 50,
    data: (_: unknown, bytes: Uint8Array) => {
      shown += new TextDecoder().decode(bytes).replaceAll("\r\n", "\n");
      wake();
    },
  };
  const command = [process.execPath, "--no-env-file", main, ...args];
  const child = Bun.spawn(command, { cwd: import.meta.dir, env: childEnv(env), terminal });
  return {
    /** The screen, once the pattern appears. If it never does, the test times out. */
    async until(pattern: RegExp): Promise<string> {
      while (!pattern.test(shown)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return shown;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
