import { describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { declarations } from "../../server/config/options.ts";
import { parseDuration } from "../../server/lib/duration.ts";
import { startServer } from "../e2e/server.ts";
import { describeIf } from "../test-if.ts";

const unit = join(import.meta.dir, "..", "..", "deploy", "fanfare.service");
const analyze = Bun.which("systemd-analyze");

/** The values of a key of the unit. */
const valuesOf = (key: string) =>
  [...readFileSync(unit, "utf8").matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);

const settings = new Map(
  valuesOf("Environment")
    .flatMap((line) => line.split(" "))
    .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
);

/** The warnings of systemd about a unit. It ignores unknown settings, with exit code 0. */
function verify(text: string | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-unit-"));
  const file = join(folder, "fanfare.service");
  // systemd looks for the program of ExecStart, which may be elsewhere on this machine.
  const node = Bun.which("node") ?? process.execPath;
  if (text === undefined) copyFileSync(unit, file);
  writeFileSync(file, (text ?? readFileSync(file, "utf8")).replaceAll("/usr/bin/node", node));
  const { stdout, stderr } = Bun.spawnSync([analyze ?? "", "verify", file], { stdin: "ignore" });
  rmSync(folder, { recursive: true });
  return `${stdout}${stderr}`;
}

describeIf(analyze !== null, "it needs systemd-analyze, of Debian's package systemd")("systemd", () => {
  test("understands every line of the unit", () => {
    expect(verify(undefined)).toBe("");
  });

  test("would report a misspelt key and a wrong value", () => {
    const text = readFileSync(unit, "utf8").replace("PrivateTmp", "PrivateTemp").replace("=mixed", "=mixd");
    expect(verify(text)).toContain("PrivateTemp");
    expect(verify(text)).toContain("mixd");
  });
});

describe("the unit", () => {
  test("uses settings that exist, and gives the server ten seconds more than it takes", () => {
    const known = declarations.flatMap(({ names, fileNames }) => [...names, ...fileNames]);
    expect([...settings.keys()].filter((name) => !known.includes(name))).toEqual([]);
    const timeout = parseDuration(settings.get("SHUTDOWN_TIMEOUT")) ?? 0;
    expect(Number(valuesOf("TimeoutStopSec")[0]) * 1000).toBeGreaterThanOrEqual(timeout + 10_000);
  });

  test("reloads the server with the signal of ExecReload", async () => {
    expect(valuesOf("ExecReload")).toEqual(["/bin/kill -HUP $MAINPID"]);
    await using server = await startServer({ env: { WORKERS: settings.get("WORKERS") ?? "" } });
    server.signal("SIGHUP");
    await server.untilLogged(/reload/i);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
  });
});
