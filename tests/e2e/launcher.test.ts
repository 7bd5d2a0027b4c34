import { describe, expect, test } from "bun:test";
import { readFileSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeIf, testIf } from "../test-if.ts";
import { eventually, until } from "../waiting.ts";
import { launch } from "./launched.ts";
import { SocketUnderTest } from "./socket.ts";

const root = join(import.meta.dir, "..", "..");

const directly = ["node", "bin/fanfare.js", "start"];
const npmStart = ["npm", "start", "--"];
const npmDev = ["npm", "run", "dev", "--"];
const npx = ["npx", "--offline", "fanfare", "start"];
const behindShell = ["sh", "-c", 'node bin/fanfare.js "$@"; exit 3', "npm-cli.js", "start"];

describeIf(process.platform === "linux", "it looks into /proc")("a server whose launcher ends", () => {
  test.each([
    ["node bin/fanfare.js", directly],
    ["npm start", npmStart],
    ["npm run dev", npmDev],
    ["npx fanfare start", npx],
    ["a shell of a package manager", behindShell],
  ])("by SIGTERM stops after its clients have left: %s", async (_, command) => {
    await using launched = await launch(command);
    using client = await SocketUnderTest.open(`${launched.url.replace("http", "ws")}/ws`);
    process.kill(launched.pid, "SIGTERM");
    const { deadline_ms } = await client.until(({ event }) => event === "draining");
    // In development, the server does not wait for an open tab.
    if (command !== npmDev) expect(deadline_ms).toBeGreaterThan(1_000_000);
    client.close();
    await launched.untilGone();
    expect(launched.log()).toContain('Stopped: {"initial":1,"left":1,');
  });

  test.each([
    ["node bin/fanfare.js", directly, []],
    ["npm start", npmStart, []],
    ["npm run dev", npmDev, []],
    ["npx fanfare start", npx, []],
    ["a shell of a package manager", behindShell, []],
    ["npx fanfare start, with workers", npx, ["--workers", "2"]],
    ["node bin/fanfare.js, with workers", directly, ["--workers", "2"]],
  ])("by SIGKILL leaves no process behind: %s", async (_, command, flags) => {
    await using launched = await launch(command, { flags });
    process.kill(launched.pid, "SIGKILL");
    await launched.untilGone();
    expect(launched.log()).toContain("Stopped: {");
  });

  test.each([[[]], [["--workers", "2"]]])("by SIGKILL closes its clients within DRAIN_WINDOW: %j", async (flags) => {
    await using launched = await launch(directly, { flags });
    using client = await SocketUnderTest.open(`${launched.url.replace("http", "ws")}/ws`);
    process.kill(launched.pid, "SIGKILL");
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    await launched.untilGone();
    expect(launched.log()).toContain('"moved":1,"forced":0');
  });
});

describeIf(process.platform === "linux", "it looks into /proc")("npm run dev", () => {
  test("restarts the server after a change, and ends with Ctrl+C", async () => {
    await using launched = await launch(npmDev, { isAtTerminal: true });
    const now = new Date();
    utimesSync(join(root, "bin", "health-check.js"), now, now);
    const again = /health-check\.js has changed: restarting …[\s\S]*is listening/;
    await until(() => again.test(launched.log()), "the server listens again");
    launched.terminal?.write("\u0003");
    await launched.untilGone();
    const steps = () => Array.from(launched.log().matchAll(/is listening|has changed: restarting|Stopped: /g), String);
    const expected = ["is listening", "has changed: restarting", "Stopped: ", "is listening", "Stopped: "];
    // The last line may still be on its way through the terminal.
    await eventually(() => expect(steps()).toEqual(expected));
  });

  test("waits for a change if the server does not start, and also ends with Ctrl+C then", async () => {
    await using busy = await launch(directly);
    await using launched = await launch(npmDev, {
      isAtTerminal: true,
      flags: ["--port", new URL(busy.url).port],
      waitsFor: /Waiting for a change/,
    });
    expect(launched.log()).toContain("is already in use");
    launched.terminal?.write("\u0003");
    await launched.untilGone();
  });
});

describe("flags that npm keeps to itself", () => {
  test.each([
    [["start", "--port", "8001"], "npm did not pass --port on to the server.", "  npm start -- --port 8001"],
    [["start", "--port=8001"], "npm did not pass --port on to the server.", "  npm start -- --port=8001"],
    [["start", "--config", "x.yaml"], "npm did not pass --config on to the server.", "  npm start -- --config x.yaml"],
    [["run", "dev", "--chat"], "npm did not pass --chat on to the server.", "  npm run dev -- --chat"],
    [
      ["start", "--history-size", "9", "--port", "1"],
      "on to the server.",
      /^ {2}npm start -- --(port|history-size) … --(port|history-size) …$/m,
    ],
  ])("are named with the correct command: npm %j", async (args, complaint, line) => {
    const { PATH = "", HOME = "" } = process.env;
    const child = Bun.spawn(["npm", ...args], { cwd: root, env: { PATH, HOME }, stdio: ["ignore", "ignore", "pipe"] });
    const said = await child.stderr.text();
    expect(await child.exited).toBe(1);
    expect(said).toContain(complaint);
    expect(said).toMatch(line);
  });
});

describeIf(process.platform === "linux", "it looks into /proc")("a server at a terminal", () => {
  test.each([
    ["alone", []],
    ["with workers", ["--workers", "2"]],
  ])("whose terminal is closed closes its clients and ends: %s", async (_, flags) => {
    await using launched = await launch(directly, { flags, isAtTerminal: true });
    using client = await SocketUnderTest.open(`${launched.url.replace("http", "ws")}/ws`);
    launched.terminal?.close();
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    await launched.untilGone();
  });

  test("whose terminal is closed leaves no crash report of its launcher", async () => {
    const intoLog = ["sh", "-c", 'node bin/fanfare.js "$@" 2>>"$TMPDIR/log"', "sh", "start"];
    await using launched = await launch(intoLog, { isAtTerminal: true });
    launched.terminal?.close();
    await launched.untilGone();
    expect(launched.log()).toContain("Waiting for clients");
    expect(launched.log()).not.toMatch(/Assertion failed|stack trace/);
  });

  test.each([
    ["alone", []],
    ["with workers", ["--workers", "2"]],
  ])("says that a second Ctrl+C stops at once, and does: %s", async (_, flags) => {
    await using launched = await launch(directly, { flags, isAtTerminal: true });
    using client = await SocketUnderTest.open(`${launched.url.replace("http", "ws")}/ws`);
    launched.terminal?.write("\u0003");
    await client.until(({ event }) => event === "draining");
    await until(() => /\(Ctrl\+C again stops now\)/.test(launched.log()), "it says what Ctrl+C does");
    // Signals that arrive together count as one.
    while (client.closed === undefined) {
      await Bun.sleep(100);
      launched.terminal?.write("\u0003");
    }
    expect(client.closed).toMatchObject({ code: 1012 });
    await launched.untilGone();
  });
});

const canExec = Bun.spawnSync(["node", "-p", "typeof process.execve"]).stdout.toString().trim() === "function";

testIf(canExec && process.platform === "linux", "it needs process.execve of Node 22.15")(
  "a launcher that leads its process group becomes the server",
  async () => {
    const server = Bun.spawn(["node", "bin/fanfare.js", "start", "--port", "0"], {
      cwd: root,
      detached: true,
      env: { PATH: process.env.PATH, HOME: tmpdir() },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let log = "";
    const reading = (async () => {
      for await (const chunk of server.stdout) log += new TextDecoder().decode(chunk);
    })();
    await until(() => log.includes("Listening on"), "the server listens");
    expect(readFileSync(`/proc/${server.pid}/cmdline`, "utf8")).toContain("server/main.ts");
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    await reading;
    expect(log).toContain("Stopped");
  },
);
