import { describe, expect, test } from "bun:test";
import {
  filesStayShort,
  importsPointDown,
  noBarrels,
  noCircles,
  ownWords,
  packagesStayOut,
  type Rule,
} from "./architecture/rules.ts";
import { readSources, type Sources } from "./architecture/sources.ts";
import { testsAreNotEmpty, testsAreReplayed, testsAreRun, testsDoNotSleep } from "./architecture/test-rules.ts";

/** Files of more than 300 lines that are one thing all the same, and why. */
const longFiles: Readonly<Record<string, string>> = {};

/** Files that sleep, and why that is right. Everybody else waits for an event. */
const sleeping: Readonly<Record<string, string>> = {
  "tests/conformance/wire/living.ts": "notices are gathered for a second, in which nothing is to come",
  "tests/e2e/history-writer.ts": "a publisher pauses between two tries",
  "tests/e2e/launcher.test.ts": "key presses that come together count as one",
  "tests/e2e/server.ts": "two signals of one kind that come together count as one; a log file announces nothing",
  "tests/e2e/slow-readers.test.ts": "messages are published at a given rate, and memory is sampled meanwhile",
  "tests/e2e/workers.test.ts": "a client pauses before it reconnects",
  "tests/faults/close.test.ts": "readers are silent for a given time",
  "tests/faults/fault-run.ts": "clients and publishers run for a given time",
  "tests/faults/kills.test.ts": "servers are killed at given times of a run",
  "tests/faults/publisher.ts": "publishers pause between two messages",
  "tests/faults/rough-network.ts": "a line stalls and crawls",
  "tests/redis/cluster.test.ts": "members and claims expire by the time of the Redis server",
  "tests/redis/loss.test.ts": "Redis stands still for a given time",
  "tests/redis/loss/run.ts": "publishers pause between two messages",
  "tests/streams/libraries.test.ts":
    "libraries in other processes are asked what they have; one test is about a silence",
  "tests/streams/node-libraries.js": "a client pauses before it reconnects",
  "tests/faults/stream-client.ts": "a client pauses before it reconnects",
};

const code = await readSources("{bin,protocol,server,client,web,tests,bench,examples,scripts}/**/*.{ts,tsx,js}");
const texts = await readSources("**/*.{ts,tsx,js,md,yaml,yml,toml,html,css,lua}");

describe("the house is in order:", () => {
  test.each([
    ["imports point down the rows", importsPointDown],
    ["protocol/ and client/ need no package, web/ nothing of Bun or Node", packagesStayOut],
    ["no file imports itself, by whatever way round", noCircles],
    ["only the public doors pass on what others export", noBarrels],
  ])("%s", (_, rule) => {
    expect(rule(code)).toEqual([]);
  });

  test("files stay short, or say why not", () => {
    expect(filesStayShort(code, longFiles)).toEqual([]);
  });

  test("its texts name no path of a machine and no task without an issue", () => {
    expect(ownWords(texts)).toEqual([]);
  });

  test("the files were found at all", () => {
    for (const room of ["bin", "protocol", "server", "tests", "scripts"]) {
      expect([...code.keys()].some((path) => path.startsWith(`${room}/`))).toBe(true);
    }
  });
});

describe("every test", () => {
  test("is run, or says why it is skipped", () => {
    expect(testsAreRun(code)).toEqual([]);
  });

  test("does something", () => {
    expect(testsAreNotEmpty(code)).toEqual([]);
  });

  test("waits for events instead of sleeping", () => {
    expect(testsDoNotSleep(code, sleeping)).toEqual([]);
  });

  test("that is random is replayed by FANFARE_SEED", () => {
    expect(testsAreReplayed(code)).toEqual([]);
  });
});

describe("the rules find planted faults:", () => {
  const imports = (path: string): string => `import type { It } from "${path}";`;

  const planted: readonly [string, Rule, Record<string, string>][] = [
    ["a row that imports a higher one", importsPointDown, { "server/hub/hub.ts": imports("../http/server.ts") }],
    ["two folders of one row", importsPointDown, { "server/api/push.ts": imports("../transport/handshake.ts") }],
    ["a folder without a row", importsPointDown, { "server/hub/hub.ts": imports("../engine/engine.ts") }],
    ["options that know their folder", importsPointDown, { "server/hub/options.ts": imports("./hub.ts") }],
    ["a worker that uses the SDK", importsPointDown, { "server/worker/worker.ts": imports("../../client/client.ts") }],
    ["a server that uses its tests", importsPointDown, { "server/hub/hub.ts": imports("../../tests/e2e/it.ts") }],
    ["an SDK that uses the server", importsPointDown, { "client/client.ts": imports("../server/lib/clock.ts") }],
    [
      "an import over several lines",
      importsPointDown,
      { "protocol/a.ts": 'import {\n  it,\n} from "../server/hub/hub.ts";' },
    ],
    ["an import at run time", importsPointDown, { "protocol/a.ts": 'const a = await import("../server/hub/hub.ts");' }],
    ["a contract with a package", packagesStayOut, { "protocol/a.ts": imports("zod") }],
    ["a page that needs Node", packagesStayOut, { "web/page.ts": 'import "node:fs";' }],
    [
      "a circle of three",
      noCircles,
      { "a/a.ts": imports("./b.ts"), "a/b.ts": imports("./c.ts"), "a/c.ts": imports("./a.ts") },
    ],
    ["an index", noBarrels, { "server/hub/index.ts": "export const a = 1;" }],
    ["a file that passes on", noBarrels, { "server/hub/all.ts": 'export { hub } from "./hub.ts";' }],
    ["a file that passes on all", noBarrels, { "client/all.ts": 'export * from "./client.ts";' }],
    ["someone's home", ownWords, { "docs/a.md": `see ${["", "home", "jo", "fanfare"].join("/")}` }],
    ["a task of nobody", ownWords, { "server/a.ts": `// ${"TO"}${"DO"}: later` }],
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
