import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FreshProject } from "../packages/fresh-project.ts";
import { Shared } from "../shared.ts";
import { testIf } from "../test-if.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

const guide = readFileSync(join(import.meta.dir, "../../docs/publisher.md"), "utf8");

const python = process.env.FANFARE_PYTHON ?? "python3";

/** How each recipe of the guide is run. `probe` fails where the language or its library is missing. */
const recipes = [
  {
    name: "curl",
    fence: "sh no-run: the test",
    file: "publish.sh",
    run: ["sh", "publish.sh"],
    probe: ["curl", "--version"],
  },
  ...["requests", "httpx"].map((library) => ({
    name: `Python with ${library}`,
    fence: `python ${library}`,
    file: `with_${library}.py`,
    run: [python, `with_${library}.py`],
    probe: [python, "-c", `import ${library}`],
  })),
  { name: "Go", fence: "go", file: "main.go", run: ["go", "run", "main.go"], probe: ["go", "version"] },
  { name: "PHP", fence: "php", file: "publish.php", run: ["php", "publish.php"], probe: ["php", "-r", "curl_init();"] },
  { name: "Ruby", fence: "ruby", file: "publish.rb", run: ["ruby", "publish.rb"], probe: ["ruby", "--version"] },
];

const apiKey = "key-of-the-test-that-is-long";
let server: ServerUnderTest;
let project: FreshProject;

const shared = new Shared();
beforeAll(async () => {
  project = new FreshProject();
  server = await shared.use(startServer({ env: { API_KEY: apiKey, ANONYMOUS: "on" } }));
});
afterAll(async () => {
  await shared.close();
  project[Symbol.dispose]();
});

function codeOf(fence: string): string {
  const found = [...guide.matchAll(/^```([^\n]+)\n(.*?)^```$/gms)].find(([, info = ""]) => info.startsWith(fence));
  if (found?.[2] === undefined) throw new Error(`docs/publisher.md has no block that begins with ${fence}`);
  return found[2];
}

/** A server that is not ready at the first request, and passes the others on. */
function startUnready(): Bun.Server<undefined> {
  let isFirst = true;
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const body = await request.text();
      if (!isFirst) return fetch(`${server.url}/v1/publish`, { method: "POST", headers: request.headers, body });
      isFirst = false;
      return Response.json({ code: "starting", detail: "the server is starting" }, { status: 503 });
    },
  });
}

describe("the recipe for", () => {
  for (const { name, fence, file, run, probe } of recipes) {
    const [program = "", ...args] = probe;
    const isThere = spawnSync(program, args, { stdio: "ignore" }).status === 0;
    const isQuick = name !== "Go" || process.env.FANFARE_LONG !== undefined;
    const reason = isQuick ? `needs ${probe.join(" ")}` : "compiles Go's HTTP client: npm run test:long";
    testIf(isThere && isQuick, reason)(`${name} publishes, retries, and is stored once`, async () => {
      await using unready = startUnready();
      project.write(file, codeOf(fence));
      // Go keeps what it built in its cache, which it looks for in the home directory.
      const home = { HOME: process.env.HOME ?? project.folder };
      const env = { ...home, FANFARE_URL: unready.url.origin, API_KEY: apiKey };
      const first = JSON.parse(await project.expect(run, env));
      expect(first).toMatchObject({ channel: "room:1", offset: expect.any(Number), duplicate: false });
      expect(JSON.parse(await project.expect(run, env))).toEqual({ ...first, duplicate: true });
      const refused = await project.run(run, { ...env, API_KEY: "another" });
      expect(refused.code).not.toBe(0);
      expect(refused.out + refused.err).toContain("401");
    });
  }
});

test("every recipe of the guide is run, or says that it was not", () => {
  const fences = [...guide.matchAll(/^```(\w+)/gm)].map(([, language]) => language);
  const known = new Set(recipes.map(({ fence }) => fence.split(" ")[0]));
  for (const language of fences.filter((it) => it !== "js")) expect(known).toContain(language);
});
