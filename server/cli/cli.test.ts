import { describe, expect, test } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { runFakeCli } from "./fake-cli.ts";

describe("the command line", () => {
  test.each([["--version"], ["-v"]])("prints the version: %s", async (flag) => {
    expect(await runFakeCli([flag])).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
  });

  test.each([[["--help"]], [["-h"]], [["help"]]])("prints help with examples: %j", async (args) => {
    const { code, out, err } = await runFakeCli(args);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const part of ["start", "token", "config", "completion", "Examples:\n  fanfare "]) expect(out).toContain(part);
  });

  test.each([[["start", "--help"]], [["help", "start"]]])(
    "prints the help of a command, with its flags in groups: %j",
    async (args) => {
      const { code, out } = await runFakeCli(args);
      expect(code).toBe(0);
      for (const part of ["Access:", "--history-size", "default: 1000", "Examples:\n  fanfare start"]) {
        expect(out).toContain(part);
      }
      expect(out).not.toContain("--uvicorn-workers");
    },
  );

  test("the help of the settings fits on a terminal of 80 columns", async () => {
    const { out } = await runFakeCli(["start", "--help"]);
    const flags = out.slice(0, out.indexOf("Every setting"));
    // Only a name without a space may be longer.
    expect(flags.split("\n").filter((line) => line.length > 80 && / \S+ \S/.test(line.trim()))).toEqual([]);
    expect(flags.replaceAll(/\s+/g, " ")).toContain(
      "Expected: DEBUG, INFO, WARNING or ERROR. (LOG_LEVEL; default: INFO)",
    );
  });

  test.each([
    [["strat"], "error: unknown command 'strat': did you mean start?"],
    [["tokn", "create"], "error: unknown command 'tokn': did you mean token?"],
    [
      ["quite-else"],
      /^error: unknown command 'quite-else': expected one of start, .*, token, explain, data, config, completion, help$/,
    ],
    [["help", "strat"], "error: unknown command 'strat': did you mean start?"],
    [["help", "token", "crate"], "error: unknown command 'crate': did you mean create?"],
    [["help", "start", "x"], "error: unknown command 'x': start has no subcommands"],
    [["token", "crate"], "error: unknown command 'crate': did you mean create?"],
    [["--prot", "9"], "error: unknown option '--prot': did you mean --port?"],
    [["start", "--quite-else"], "error: unknown option '--quite-else'; see fanfare start --help"],
    [["start", "--port"], "error: option '--port <number>' argument missing; see fanfare start --help"],
    [["publish", "a", "b"], /^error: too many arguments .* got 2; see fanfare publish --help$/],
    [["token", "create"], "error: missing required argument 'user'; see fanfare token create --help"],
    [["completion", "tcsh"], /^error: .*'tcsh'.* Allowed choices are bash, zsh, fish; see fanfare completion --help$/],
    [["start", "--port", "x"], 'error: --port: expected a whole number from 0 to 65535, got "x"'],
    [["--config", "nope.yaml"], 'error: --config: there is no file "nope.yaml"'],
  ])("rejects %j with a one-line hint and exit code 2", async (args, line) => {
    const { code, out, err } = await runFakeCli(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.endsWith("\n")).toBe(true);
    expect(err.trimEnd().split("\n")).toEqual([typeof line === "string" ? line : expect.stringMatching(line)]);
  });

  test("prints the help of a command that needs a subcommand", async () => {
    const { code, out, err } = await runFakeCli(["token"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toStartWith("Usage: fanfare token ");
    expect(await runFakeCli(["help", "token"])).toEqual({ code: 0, out: err, err: "" });
  });

  test("reports every problem with the settings, one per line", async () => {
    const { code, err } = await runFakeCli(["--chat", "maybe"], { env: { PORT: "x" }, files: { ".env": "oops" } });
    expect(code).toBe(2);
    expect(err.trimEnd().split("\n")).toEqual([
      "error: .env, line 1: expected NAME=value",
      'error: PORT: expected a whole number from 0 to 65535, got "x"',
      'error: --chat: expected on or off, got "maybe"',
    ]);
  });
});

describe("fanfare token", () => {
  const secret = "a secret of more than 32 bytes, for tests";

  test("signs with the secret of .env", async () => {
    const { code, out } = await runFakeCli(["token", "create", "u1"], {
      files: { ".env": `JWT_SECRET=${secret}` },
    });
    expect(code).toBe(0);
    const checked = await runFakeCli(["token", "check"], { input: out, files: { ".env": `JWT_SECRET=${secret}` } });
    expect(checked.out).toStartWith("user:      u1\n");
  });

  test("ignores problems of unrelated settings, and reports those of its own", async () => {
    const other = await runFakeCli(["token", "create", "u1"], {
      env: { PORT: "x" },
      files: { ".env": `JWT_SECRET=${secret}` },
    });
    expect(other.code).toBe(0);
    const missing = await runFakeCli(["token", "create", "u1"], { files: { ".env": "JWT_SECRET_FILE=nowhere" } });
    expect(missing).toEqual({ code: 2, out: "", err: 'error: JWT_SECRET_FILE in .env: there is no file "nowhere"\n' });
  });

  test("says which setting is missing, with exit code 1", async () => {
    const { code, err } = await runFakeCli(["token", "create", "u1"]);
    expect({ code, err }).toEqual({
      code: 1,
      err: "error: no secret to sign with: set JWT_SECRET, or pass --jwt-secret-file\n",
    });
  });
});

describe("fanfare config", () => {
  test("show accepts the flags of start, and prints where each value comes from", async () => {
    const { code, out } = await runFakeCli(["config", "show", "--port", "9000", "--interval", "5"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^PORT +9000 +--port$/m);
    expect(out).toMatch(/^NOTIFICATION_INTERVAL +5s +--interval$/m);
  });

  test("show prints the problems after the settings it could read", async () => {
    const { code, out, err } = await runFakeCli(["config", "show"], { env: { PORT: "x", CHAT: "off" } });
    expect(code).toBe(2);
    expect(out).toMatch(/^CHAT +off +CHAT in the environment$/m);
    expect(err).toBe('error: PORT: expected a whole number from 0 to 65535, got "x"\n');
  });

  test("show --json prints one object, and is not itself taken for a setting", async () => {
    const { code, out } = await runFakeCli(["config", "show", "--json", "--port", "9000"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ settings: { PORT: { value: "9000", from: "--port" } }, problems: [] });
  });

  test("check prints warnings for valid settings", async () => {
    const seen = await runFakeCli(["config", "check"], { files: { ".env": "POTR=5" } });
    expect(seen).toEqual({
      code: 0,
      out: "The settings are valid: an open server on 127.0.0.1, port 8000.\n",
      err: "warning: POTR in .env is not a setting: did you mean PORT?\n",
    });
  });

  test("check fails if a server would not start", async () => {
    const { code, err } = await runFakeCli(["config", "check", "--host", "0.0.0.0"]);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: --host: no credential is configured, .* --insecure \(INSECURE=on\)\n$/);
  });

  test("a list can be given as several flags", async () => {
    const args = ["config", "show", "--trusted-proxies", "10.0.0.1", "--trusted-proxies", "10.0.0.2"];
    expect((await runFakeCli(args)).out).toContain("10.0.0.1,10.0.0.2");
  });

  test.each([
    [[], "# Options\n"],
    [["env"], "# Settings of Fanfare."],
    [["errors"], "# Errors\n"],
  ])("docs prints a page: %j", async (args, beginning) => {
    const { code, out } = await runFakeCli(["config", "docs", ...args]);
    expect(code).toBe(0);
    expect(out).toStartWith(beginning);
  });
});
