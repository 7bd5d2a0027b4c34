import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { neededBy, provideProgram, providePrograms, SetupError, testFiles } from "./programs.js";

let folder: string;
let commands: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fanfare-programs-"));
  commands = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
  return path;
}

/** A machine that has only the programs in `folder`. @param run what each command does; true for exit code 0 */
function machine({ isRoot = true, env = {}, run = (_: string): boolean => false } = {}) {
  return {
    env: { PATH: folder, ...env },
    folders: [] as string[],
    isRoot,
    run: async (program: string, args: readonly string[]) => {
      const command = [program, ...args].join(" ").replaceAll(`${folder}/`, "");
      commands.push(command);
      return run(command);
    },
  };
}

const install = "apt-get install --yes --no-install-recommends nginx-light";
const advice = "This needs nginx, which is not installed. On Debian and Ubuntu: apt-get install nginx-light.";

describe("a program that tests need", () => {
  test("is found on the PATH", async () => {
    const path = put("nginx");
    expect(await provideProgram("nginx", machine())).toBe(path);
    expect(commands).toEqual([]);
  });

  test("is found in the folders for servers, which are not on the PATH of an ordinary user", async () => {
    const path = put("nginx");
    expect(await provideProgram("nginx", { ...machine(), env: { PATH: "" }, folders: [folder] })).toBe(path);
  });

  test("is found under its other names", async () => {
    const path = put("google-chrome");
    expect(await provideProgram("browser", machine())).toBe(path);
  });

  test("is neither a folder nor a file that is not executable", async () => {
    mkdirSync(join(folder, "nginx"));
    await expect(provideProgram("nginx", machine())).rejects.toThrow(advice);
  });

  test("is the one in its variable", async () => {
    put("nginx");
    const other = put("my-nginx");
    expect(await provideProgram("nginx", machine({ env: { FANFARE_NGINX: other } }))).toBe(other);
    const missing = provideProgram("nginx", machine({ env: { FANFARE_NGINX: "/nowhere/nginx" } }));
    await expect(missing).rejects.toThrow('FANFARE_NGINX: expected the path of a program, got "/nowhere/nginx"');
  });

  test("is installed from Debian's packages by root", async () => {
    put("apt-get");
    const run = (command: string) => command === install && put("nginx") !== "";
    expect(await provideProgram("nginx", machine({ run }))).toBe(join(folder, "nginx"));
    expect(commands).toEqual([install]);
  });

  test("is installed after the package lists were updated once", async () => {
    put("apt-get");
    let isUpdated = false;
    const run = (command: string) => {
      if (command === "apt-get update") isUpdated = true;
      else if (isUpdated) put("nginx");
      return isUpdated;
    };
    expect(await provideProgram("nginx", machine({ run }))).toBe(join(folder, "nginx"));
    expect(commands).toEqual([install, "apt-get update", install]);
  });

  test("is installed with sudo by other users, and sudo never asks for a password", async () => {
    put("apt-get");
    await expect(provideProgram("nginx", machine({ isRoot: false }))).rejects.toThrow(advice);
    expect(commands).toEqual([]);
    put("sudo");
    await expect(provideProgram("nginx", machine({ isRoot: false }))).rejects.toThrow(advice);
    expect(commands).toEqual([`sudo -n ${install}`, "sudo -n apt-get update"]);
  });

  test("that cannot be installed is reported, with what to do", async () => {
    const failing = provideProgram("browser", machine());
    await expect(failing).rejects.toThrow(SetupError);
    await expect(failing).rejects.toThrow(
      "This needs chromium or chromium-browser or google-chrome, which is not installed. " +
        "On Debian and Ubuntu: apt-get install chromium. " +
        "On other systems: install it, or set FANFARE_CHROMIUM to its path. Then run it again.",
    );
  });
});

describe("a test file needs a program", () => {
  test("if it imports the file that starts it, directly or indirectly", () => {
    expect(neededBy(["tests/e2e/client-browser.test.ts"])).toEqual(["browser"]);
    expect(neededBy(["tests/e2e/page.test.ts"])).toEqual(["browser"]);
    expect(neededBy(["tests/redis/broker.test.ts"])).toEqual(["redis"]);
    expect(neededBy(["tests/e2e/start.test.ts"])).toEqual([]);
  });

  test("and gets its path in a variable", async () => {
    const path = put("chromium");
    expect(await providePrograms(["tests/e2e/page.test.ts"], machine())).toEqual({ FANFARE_CHROMIUM: path });
  });
});

test("the selected test files are those whose path contains one of the words", () => {
  expect(testFiles(["scripts/programs", "./tests/e2e/start"]).toSorted()).toEqual([
    "scripts/programs.test.ts",
    "tests/e2e/start.test.ts",
  ]);
  expect(testFiles([]).length).toBeGreaterThan(150);
});
