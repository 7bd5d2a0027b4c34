import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { runtimePackages } from "../docs/image.ts";
import { launch } from "../e2e/launched.ts";
import { FreshProject } from "./fresh-project.ts";
import { packSdk, packServer, root, unpack } from "./packed.ts";

const names = ["fanfare", "@fanfare/client"];
let project: FreshProject;

beforeAll(async () => {
  project = new FreshProject({ "package.json": '{ "type": "module" }' });
  const [sdk, server] = await Promise.all([packSdk(project), packServer(project)]);
  await Promise.all([unpack(project, sdk, "@fanfare/client"), unpack(project, server, "fanfare")]);
  // The size that an install adds. The long tests install it for real.
  for (const path of runtimePackages()) {
    if (existsSync(project.path(path))) continue;
    mkdirSync(dirname(project.path(path)), { recursive: true });
    symlinkSync(join(root, path), project.path(path));
  }
}, 240_000);
afterAll(() => project[Symbol.dispose]());

describe.each(names)("the tarball of %s", (name) => {
  const filesOf = () => [...new Bun.Glob("**/*").scanSync(project.path("node_modules", name))].sort();

  test("contains every file that its package.json names", () => {
    const { bin = {}, exports, unpkg = [] } = manifestOf(name);
    const targets = pathsIn([bin, exports, unpkg]);
    expect(targets.length).toBeGreaterThan(5);
    expect(targets.filter((it) => !existsSync(project.path("node_modules", name, it)))).toEqual([]);
  });

  test("has a README with an install line, a license, and no dependency that only tests need", () => {
    const readme = readFileSync(project.path("node_modules", name, "README.md"), "utf8");
    expect(readme).toContain("npm install");
    expect(filesOf()).toContain("LICENSE");
    const { dependencies = {} } = manifestOf(name);
    for (const it of ["playwright-core", "esbuild", "terser", "typescript"])
      expect(dependencies).not.toHaveProperty(it);
  });

  test("contains no tests, settings of the compiler, or paths of the machine that built it", () => {
    const files = filesOf();
    expect(files.filter((it) => /\.test\.|(^|\/)(tsconfig|node_modules|\.)/.test(it))).toEqual([]);
    expect(files.filter((it) => /^dist\/(binary|packages)\//.test(it))).toEqual([]);
    const maps = files.filter((it) => it.endsWith(".map"));
    const texts = maps.map((it) => readFileSync(project.path("node_modules", name, it), "utf8"));
    expect(maps.length).toBeGreaterThan(3);
    for (const it of texts) for (const path of [root, project.folder]) expect(it).not.toContain(path);
  });
});

describe("the packed server", () => {
  test("starts with Node, serves the SDK and its pages, and stops on SIGTERM", async () => {
    const command = ["node", "node_modules/fanfare/bin/fanfare.js", "start"];
    await using launched = await launch(command, { cwd: project.folder });
    const paths = ["/", "/page/app.js", "/page/style.css", "/client.js", "/admin", "/admin/app.js", "/docs", "/health"];
    const statuses = await Promise.all(paths.map(async (it) => (await fetch(launched.url + it)).status));
    expect(statuses).toEqual(paths.map(() => 200));
    process.kill(launched.pid, "SIGTERM");
    await launched.untilGone();
    expect(launched.log()).toContain("Stopped: {");
  });

  test("contains the SDK and the publisher, for Node", async () => {
    const entries = ["client", "client/react", "client/broadcast-client", "publisher"].map((it) => `fanfare/${it}`);
    project.write(
      "sdk.js",
      `for (const it of ${JSON.stringify(entries)}) console.log(Object.keys(await import(it)).sort().join());`,
    );
    const names = [
      "ClientError,createClient",
      "makeHooks",
      "BroadcastClient",
      "PublishError,createPublisher,createToken",
    ];
    expect(await project.expect(["node", "sdk.js"])).toBe(`${names.join("\n")}\n`);
  });

  test("is a library in Bun, and says so in Node", async () => {
    project.write(
      "library.js",
      `import { BroadcastClient, BroadcastServer } from "fanfare";
       const server = new BroadcastServer({ port: 0 });
       await server.start();
       await server.stop();
       console.log(BroadcastClient.name, "stopped");`,
    );
    expect(await project.expect([process.execPath, "--no-env-file", "library.js"])).toContain(
      "BroadcastClient stopped",
    );
    const { code, err } = await project.run(["node", "library.js"]);
    expect([code, err]).toEqual([1, expect.stringContaining("runs on Bun: run this program with `bun`")]);
  });

  test.each([
    ["bundler", "esnext"],
    ["node16", "node16"],
  ])("has types that are strict, also its own: moduleResolution %s", async (moduleResolution, module) => {
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
      ...{ target: "es2022", noEmit: true, moduleResolution, module, lib: ["ES2022"], types: ["node"] },
      typeRoots: [join(root, "node_modules/@types")],
    };
    project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
    project.write(
      "typed.ts",
      `import { BroadcastServer } from "fanfare";
       import { type Client, createClient } from "fanfare/client";
       import { createPublisher, type Receipt } from "fanfare/publisher";
       export const started: Promise<{ readonly port: number }> = new BroadcastServer({ port: 0 }).start();
       export const client: Client = createClient("http://127.0.0.1:8000");
       export const receipt: Promise<Receipt> = createPublisher({ url: "http://a" }).publish("room", 1);
       // @ts-expect-error: a function is called with each message
       new BroadcastServer().onMessage = "message";`,
    );
    expect(await project.run([join(root, "node_modules/.bin/tsc"), "-p", "."])).toEqual({ code: 0, out: "", err: "" });
  });
});

interface Manifest {
  readonly bin?: object;
  readonly exports: object;
  readonly unpkg?: string;
  readonly dependencies?: object;
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(project.path("node_modules", name, "package.json"), "utf8")) as Manifest;
}

/** The paths in an object such as `exports`, at any depth. */
function pathsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Object.values(value as object).flatMap(pathsIn);
}
