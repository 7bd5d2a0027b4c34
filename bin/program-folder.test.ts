import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkedProgramFolder } from "./program-folder.js";

let app: string;
let real: string;

beforeEach(() => {
  app = realpathSync(mkdtempSync(join(tmpdir(), "fanfare-app-")));
  real = join(app, "releases/1/node_modules/fanfare");
  mkdirSync(join(real, "bin"), { recursive: true });
  mkdirSync(join(app, "releases/1/node_modules/.bin"));
  writeFileSync(join(real, "bin/fanfare.js"), "");
  symlinkSync("../fanfare/bin/fanfare.js", join(app, "releases/1/node_modules/.bin/fanfare"));
  symlinkSync("releases/1", join(app, "current"));
});
afterEach(() => rmSync(app, { recursive: true, force: true }));

const find = (script: string | undefined, workingDirectory = "/", shellDirectory: string | undefined = undefined) =>
  linkedProgramFolder(real, { script, workingDirectory, shellDirectory });

test("a program that is started through a link to its release is found by that link", () => {
  const linked = join(app, "current/node_modules/fanfare");
  expect(find(join(app, "current/node_modules/fanfare/bin/fanfare.js"))).toBe(linked);
  expect(find(join(app, "current/node_modules/.bin/fanfare"))).toBe(linked);
});

test("even if the shell came to the working directory through the link", () => {
  const release = join(app, "releases/1");
  const script = join(release, "node_modules/.bin/fanfare");
  expect(find(script, release, join(app, "current"))).toBe(join(app, "current/node_modules/fanfare"));
  expect(find(script, release, app)).toBeUndefined(); // PWD of another process
  expect(find(script, release, join(app, "gone"))).toBeUndefined();
});

test("a program that is started without links, or by another script, has none", () => {
  expect(find(join(real, "bin/fanfare.js"))).toBeUndefined();
  expect(find(join(app, "releases/1/node_modules/.bin/fanfare"))).toBeUndefined();
  expect(find(join(app, "current/other/start.js"))).toBeUndefined();
  expect(find(join(tmpdir(), "no/such/script.js"))).toBeUndefined();
  expect(find(undefined)).toBeUndefined();
});
