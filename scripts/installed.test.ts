import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isForDevelopment, isInstalled } from "./installed.js";

const locked = {
  "": { version: "0.1.0" },
  client: { name: "@fanfare/client", version: "0.1.0" },
  "node_modules/@fanfare/client": { resolved: "client", link: true },
  "node_modules/hono": { version: "4.13.19" },
  "node_modules/typescript": { version: "7.0.2", dev: true },
  "node_modules/@oven/bun-windows-x64": { version: "1.4.4", optional: true },
};
const compiler = locked["node_modules/typescript"];
const server = {
  "node_modules/hono": locked["node_modules/hono"],
  "node_modules/@oven/bun-windows-x64": locked["node_modules/@oven/bun-windows-x64"],
};
const all = { ...server, "node_modules/typescript": compiler };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fanfare-installed-"));
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages: locked }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function install(packages: object): void {
  writeFileSync(join(folder, "node_modules", ".package-lock.json"), JSON.stringify({ packages }));
}

test.each([
  ["all packages are installed", true, true, all],
  ["packages for other platforms are missing", true, true, { ...all, "node_modules/@oven/bun-windows-x64": undefined }],
  ["packages for development are missing", false, true, server],
  ["a package that the server needs is missing", false, false, { "node_modules/typescript": compiler }],
  ["a package has another version", false, false, { ...all, "node_modules/hono": { version: "4.13.18" } }],
  ["the compiler has another version", false, true, { ...all, "node_modules/typescript": { version: "7.0.1" } }],
])("if %s, the packages suffice for development: %p, and for a server: %p", (_, canCheck, canServe, packages) => {
  install(packages);
  expect([isInstalled(folder, { forDevelopment: true }), isInstalled(folder, { forDevelopment: false })]).toEqual([
    canCheck,
    canServe,
  ]);
});

test("nothing is installed in a fresh checkout", () => {
  expect(isInstalled(folder, { forDevelopment: false })).toBe(false);
});

test("a lock file that is newer than the packages, but unchanged, has no effect", () => {
  install(all);
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(folder, "package-lock.json"), later, later);
  expect(isInstalled(folder, { forDevelopment: true })).toBe(true);
});

test("a server that is started after an update does not remove the packages for development", () => {
  install(all);
  expect(isForDevelopment(folder)).toBe(true);
  install(server);
  expect(isForDevelopment(folder)).toBe(false);
});
