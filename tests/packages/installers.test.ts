import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { launch } from "../e2e/launched.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { describeIf } from "../test-if.ts";
import { FreshProject } from "./fresh-project.ts";
import { packServer } from "./packed.ts";
import { registryEnv } from "./registry.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const reason = "installs from the npm registry, which takes minutes: npm run test:long";

const withFolder = "nodeLinker: node-modules\n";

/** How users install and start the server. The first word of each command is a program of `programs`, or a path. */
const installers = [
  { name: "npm", add: ["npm", "install"], starts: ["npx fanfare start", "npm start --"] },
  {
    name: "npm install -g",
    add: ["npm", "install", "--global", "--prefix", "."],
    starts: ["./bin/fanfare start"],
  },
  { name: "pnpm", add: ["pnpm", "add"], starts: ["pnpm exec fanfare start", "pnpm start"] },
  { name: "Yarn 1", add: ["yarn1", "add"], starts: ["yarn1 fanfare start", "yarn1 start"] },
  { name: "Yarn 4", add: ["yarn4", "add"], settings: withFolder, starts: ["yarn4 fanfare start", "yarn4 start"] },
  { name: "Bun", add: ["bun", "add"], starts: ["bun run fanfare start", "bun start", "bun x fanfare start"] },
];

let tools: FreshProject;
let tarball: string;
let programs: Readonly<Record<string, readonly string[]>>;

describeIf(isLong, reason)("the packed server, installed by", () => {
  beforeAll(async () => {
    // Yarn 1 is renamed, because two packages have a program called yarn.
    const packages = ["pnpm", "yarn1@npm:yarn@1", "@yarnpkg/cli-dist"];
    tools = new FreshProject({ "package.json": "{}" });
    tarball = await packServer(tools);
    await tools.expect(["npm", "install", "--silent", "--no-audit", ...packages], registryEnv(tools));
    programs = {
      bun: [process.execPath],
      pnpm: [tools.path("node_modules/.bin/pnpm")],
      yarn1: ["node", tools.path("node_modules/yarn1/bin/yarn.js")],
      yarn4: ["node", tools.path("node_modules/@yarnpkg/cli-dist/bin/yarn.js")],
    };
  }, 240_000);
  afterAll(() => tools[Symbol.dispose]());

  describe.each(installers)("$name,", ({ add, settings, starts }) => {
    let project: FreshProject;
    beforeAll(async () => {
      project = await install(add, settings);
    }, 240_000);
    afterAll(() => project[Symbol.dispose]());

    test.each(starts)("lets its clients leave on SIGTERM, and on Ctrl+C: %s", async (start) => {
      const command = commandOf(start.split(" "), project);
      for (const isAtTerminal of [false, true]) {
        await using launched = await launch(command, { cwd: project.folder, isAtTerminal });
        using client = await SocketUnderTest.open(`${launched.url.replace("http", "ws")}/ws`);
        if (isAtTerminal) launched.terminal?.write("\u0003");
        else process.kill(launched.pid, "SIGTERM");
        await client.until(({ event }) => event === "draining");
        client.send({ type: "ping" });
        await client.until(({ type }) => type === "pong");
        // A signal that arrives twice would close it at once.
        expect(client.closed).toBeUndefined();
        client.close();
        await launched.untilGone();
        // Nothing is left that holds the port.
        await expect(fetch(launched.url)).rejects.toThrow();
      }
    });
  });

  test("Yarn 4 without a node_modules folder does not start, and says what to do", async () => {
    using project = await install(["yarn4", "add"], "");
    const { code, out, err } = await project.run(
      commandOf(["yarn4", "fanfare", "start"], project),
      registryEnv(project),
    );
    expect([code, out + err]).toEqual([1, expect.stringContaining("nodeLinker: node-modules")]);
  });
});

async function install(add: readonly string[], settings: string | undefined): Promise<FreshProject> {
  const manifest = { name: "app", private: true, scripts: { start: "fanfare start" } };
  const project = new FreshProject({ "package.json": JSON.stringify(manifest) });
  if (settings !== undefined) {
    project.write(".yarnrc.yml", `${settings}enableTelemetry: false\n`);
    project.write("yarn.lock", "");
  }
  const what = settings === undefined ? tarball : `fanfare@file:${tarball}`;
  await project.expect([...commandOf(add, project), what], registryEnv(project));
  return project;
}

function commandOf([program = "", ...args]: readonly string[], project: FreshProject): readonly string[] {
  const found = program.startsWith("./") ? [project.path(program)] : (programs[program] ?? [program]);
  return [...found, ...args];
}
