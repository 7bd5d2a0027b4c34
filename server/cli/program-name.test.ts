import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testIf } from "../../tests/test-if.ts";
import { runFakeCli } from "./fake-cli.ts";
import { findProgramName, withProgramName } from "./program-name.ts";

const root = join(import.meta.dir, "..", "..");
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fanfare-name-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the program name", () => {
  test("is npx fanfare if no such command is on the PATH", () => {
    expect(findProgramName({ PATH: folder })).toBe("npx fanfare");
    expect(findProgramName({})).toBe("npx fanfare");
  });

  test("is that of the single executable if it is on the PATH, and otherwise its path", () => {
    const path = join(folder, "fanfare-linux-x64");
    writeFileSync(path, "");
    chmodSync(path, 0o755);
    expect(findProgramName({ PATH: folder }, path)).toBe("fanfare-linux-x64");
    expect(findProgramName({ PATH: "" }, path)).toBe(path);
  });

  const linked = testIf(process.platform !== "win32", "Windows has no links as commands");
  linked("is fanfare if the command is a link to this package", () => {
    symlinkSync(join(root, "bin", "fanfare.js"), join(folder, "fanfare"));
    expect(findProgramName({ PATH: folder })).toBe("fanfare");
  });

  test("is npx fanfare under npm, which puts node_modules/.bin on the PATH", () => {
    symlinkSync(join(root, "bin", "fanfare.js"), join(folder, "fanfare"));
    expect(findProgramName({ PATH: folder, npm_config_user_agent: "npm/10" })).toBe("npx fanfare");
  });

  test("is fanfare beside a global node_modules, as on Windows", () => {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules", "fanfare"));
    const script = join(folder, process.platform === "win32" ? "fanfare.cmd" : "fanfare");
    writeFileSync(script, "");
    chmodSync(script, 0o755);
    expect(findProgramName({ PATH: folder })).toBe("fanfare");
  });

  test("is npx fanfare if another program has the name", () => {
    writeFileSync(join(folder, "fanfare"), "");
    chmodSync(join(folder, "fanfare"), 0o755);
    expect(findProgramName({ PATH: folder })).toBe("npx fanfare");
  });
});

test.each([
  ["fanfare start --port 1", "npx fanfare start --port 1"],
  ["run `fanfare data check`", "run `npx fanfare data check`"],
  ["echo x | fanfare connect", "echo x | npx fanfare connect"],
  ["Usage: fanfare [options]", "Usage: npx fanfare [options]"],
  ["fanfare.config.yaml", "fanfare.config.yaml"],
  ["~/fanfare start", "~/fanfare start"],
])("%j becomes %j", (text, expected) => {
  expect(withProgramName(text, "npx fanfare")).toBe(expected);
});

test("help and errors name the program as the user runs it", async () => {
  const options = { programName: "npx fanfare" };
  const { out } = await runFakeCli(["help", "start"], options);
  expect(out).toStartWith("Usage: npx fanfare start");
  expect(out).toContain("\n  npx fanfare start --config production.yaml\n");
  const { err } = await runFakeCli(["start", "--quite-else"], options);
  expect(err).toEndWith("; see npx fanfare start --help\n");
});
