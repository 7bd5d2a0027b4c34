import { describe, expect, test } from "bun:test";
import {
  filesStayShort,
  importsPointDown,
  noBarrels,
  noCycles,
  ownWords,
  packagesStayOut,
  type Rule,
  scriptsLoadWithoutPackages,
} from "./architecture/rules.ts";
import { readSources, type Sources } from "./architecture/sources.ts";
import { testsAreNotEmpty, testsAreReplayed, testsAreRun, testsDoNotSleep } from "./architecture/test-rules.ts";

/** Files that may have more than 300 lines, and why. */
const longFiles: Readonly<Record<string, string>> = {};

/** Files that may sleep, and why. All others wait for an event. */
const sleeping: Readonly<Record<string, string>> = {
  "server/worker/fanfare-server.test.ts": "a stop that does not wait for a webhook would be over in that time",
  "tests/conformance/wire/living.ts": "nothing may arrive during the second in which notices are batched",
  "tests/e2e/history-writer.ts": "a publisher pauses between two attempts",
  "tests/e2e/launcher.test.ts": "key presses that arrive together count as one",
  "tests/e2e/server.ts":
    "two signals that arrive together count as one; there is no event for a new line in a log file",
  "tests/e2e/settings/hooks.ts": "an application answers after a given time",
  "tests/e2e/slow-readers.test.ts":
    "messages are published at a given rate, memory is sampled meanwhile, and a client reads nothing for a given time",
  "tests/e2e/workers.test.ts": "a client pauses before it reconnects",
  "tests/faults/close.test.ts": "readers are silent for a given time",
  "tests/faults/fault-run.ts": "clients and publishers run for a given time",
  "tests/faults/kills.test.ts": "servers are killed at given times of a run",
  "tests/faults/publisher.ts": "publishers pause between two messages",
  "tests/faults/rough-network.ts": "a connection stalls and is slow",
  "tests/redis/cluster.test.ts": "members and claims expire by the time of the Redis server",
  "tests/redis/loss.test.ts": "Redis is stopped for a given time",
  "tests/redis/loss/run.ts": "publishers pause between two messages",
  "tests/roll/publisher.ts": "publishers publish at a given rate",
  "tests/roll/roll-run.ts": "rolls follow each other after a given time, in which late notices would arrive",
  "tests/streams/libraries.test.ts": "libraries in other processes are polled; one test needs a silent stream",
  "tests/streams/node-libraries.js": "a client pauses before it reconnects",
  "tests/faults/stream-client.ts": "a client pauses before it reconnects",
};

const code = await readSources("{bin,protocol,server,client,web,tests,bench,examples,scripts}/**/*.{ts,tsx,js}");
const texts = await readSources("**/*.{ts,tsx,js,md,yaml,yml,toml,html,css,lua}");

describe("the source code:", () => {
  test.each([
    ["folders import only from lower rows", importsPointDown],
    ["protocol/ and client/ import no package, and web/ nothing of Bun or Node", packagesStayOut],
    ["scripts/ can be loaded before the packages are installed", scriptsLoadWithoutPackages],
    ["there are no import cycles", noCycles],
    ["only the public entry points re-export", noBarrels],
  ])("%s", (_, rule) => {
    expect(rule(code)).toEqual([]);
  });

  test("files are short, or there is a reason why not", () => {
    expect(filesStayShort(code, longFiles)).toEqual([]);
  });

  test("no file contains a path of a developer's machine or a to-do comment without an issue", () => {
    expect(ownWords(texts)).toEqual([]);
  });

  test("the rules are applied to the files of every folder", () => {
    for (const folder of ["bin", "protocol", "server", "tests", "scripts"]) {
      expect([...code.keys()].some((path) => path.startsWith(`${folder}/`))).toBe(true);
    }
  });
});

describe("every test", () => {
  test("runs, or has a reason why it is skipped", () => {
    expect(testsAreRun(code)).toEqual([]);
  });

  test("does something", () => {
    expect(testsAreNotEmpty(code)).toEqual([]);
  });

  test("waits for events instead of sleeping", () => {
    expect(testsDoNotSleep(code, sleeping)).toEqual([]);
  });

  test("that makes random choices can be replayed with FANFARE_SEED", () => {
    expect(testsAreReplayed(code)).toEqual([]);
  });
});

describe("the rules find planted faults:", () => {
  const imports = (path: string): string => `import type { It } from "${path}";`;

  const planted: readonly [string, Rule, Record<string, string>][] = [
    ["a row that imports a higher one", importsPointDown, { "server/hub/hub.ts": imports("../http/server.ts") }],
    ["two folders of one row", importsPointDown, { "server/api/push.ts": imports("../transport/handshake.ts") }],
    ["a folder without a row", importsPointDown, { "server/hub/hub.ts": imports("../engine/engine.ts") }],
    ["options that import from their folder", importsPointDown, { "server/hub/options.ts": imports("./hub.ts") }],
    ["a worker that uses the SDK", importsPointDown, { "server/worker/worker.ts": imports("../../client/client.ts") }],
    ["a server that uses its tests", importsPointDown, { "server/hub/hub.ts": imports("../../tests/e2e/it.ts") }],
    ["an SDK that uses the server", importsPointDown, { "client/client.ts": imports("../server/lib/clock.ts") }],
    [
      "an import over several lines",
      importsPointDown,
      { "protocol/a.ts": 'import {\n  it,\n} from "../server/hub/hub.ts";' },
    ],
    ["an import at run time", importsPointDown, { "protocol/a.ts": 'const a = await import("../server/hub/hub.ts");' }],
    ["a protocol file that imports a package", packagesStayOut, { "protocol/a.ts": imports("zod") }],
    ["a page that imports from Node", packagesStayOut, { "web/page.ts": 'import "node:fs";' }],
    ["a script that imports a package", scriptsLoadWithoutPackages, { "scripts/a.js": 'import { it } from "terser";' }],
    [
      "a cycle of three files",
      noCycles,
      { "a/a.ts": imports("./b.ts"), "a/b.ts": imports("./c.ts"), "a/c.ts": imports("./a.ts") },
    ],
    ["an index file", noBarrels, { "server/hub/index.ts": "export const a = 1;" }],
    ["a file that re-exports one name", noBarrels, { "server/hub/all.ts": 'export { hub } from "./hub.ts";' }],
    ["a file that re-exports everything", noBarrels, { "client/all.ts": 'export * from "./client.ts";' }],
    ["a path in a home directory", ownWords, { "docs/a.md": `see ${["", "home", "jo", "fanfare"].join("/")}` }],
    ["a to-do comment without an issue", ownWords, { "server/a.ts": `// ${"TO"}${"DO"}: later` }],
    ["a long file", (sources) => filesStayShort(sources, {}), { "server/hub/hub.ts": "a;\n".repeat(301) }],
    ["a reason without its file", (sources) => filesStayShort(sources, { "server/a.ts": "it is a table" }), {}],
  ];

  test.each(planted)("%s", (_, rule, files) => {
    expect(rule(sourcesOf(files))).toHaveLength(1);
  });

  test.each([
    [
      "the command line and the library use the SDK",
      { "server/cli/connect.ts": imports("../../client/client.ts"), "server/index.ts": imports("../client/index.ts") },
    ],
    ["http serves what was built from web", { "server/http/page.ts": imports("../../web/page.ts") }],
    ["config reads the options of every row", { "server/config/load.ts": imports("../cli/options.ts") }],
  ])("and leave the named exceptions alone: %s", (_, files) => {
    expect(importsPointDown(sourcesOf(files))).toEqual([]);
  });

  test("and a task that has its issue", () => {
    expect(ownWords(sourcesOf({ "server/a.ts": `// ${"TO"}${"DO"}(#12): later` }))).toEqual([]);
  });
});

function sourcesOf(files: Readonly<Record<string, string>>): Sources {
  return new Map(Object.entries(files));
}
