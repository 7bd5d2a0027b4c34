import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { type Block, type Page, parsePage, readPages, root } from "../docs/page.ts";
import { PageRun } from "../docs/page-run.ts";
import { isJson } from "../is-json.ts";
import { BrowserUnderTest, TabUnderTest } from "./browser.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

const pages = await readPages();
const byPath = new Map(pages.map((page) => [page.path, page]));
const ran: readonly string[] = ["runs", "transcript", "starts", "stays", "program"];

const withCommands = pages.filter(({ blocks }) => blocks.some(({ kind }) => ran.includes(kind.name)));

describe("commands in the documentation work", () => {
  test.each(withCommands.map((page): [string, Page] => [page.path, page]))(
    "%s, from top to bottom",
    async (path, { blocks }) => {
      await using run = new PageRun();
      for (const block of blocks) {
        const failure = await run.perform(block).catch(String);
        expect([`${path}:${block.line}`, failure]).toEqual([`${path}:${block.line}`, undefined]);
      }
    },
    600_000,
  );

  test("scripts for a page receive what is published", async () => {
    const scripts = pages.flatMap(({ path, blocks }) =>
      blocks.filter(({ kind }) => kind.name === "script").map(({ code, line }) => ({ code, place: `${path}:${line}` })),
    );
    expect(scripts.map(({ place }) => place.replace(/:.*/, ""))).toContain("README.md");
    await using server = await startServer();
    await using browser = await BrowserUnderTest.start();
    for (const { code, place } of scripts) expect([place, await listen(browser, server, code)]).toEqual([place, []]);
  });

  test.each([
    ["a command that fails", "sh", "false", "exit code 1"],
    ["a command that fails before others that succeed", "sh", "false\ntrue", "exit code 1"],
    ["a command that does not exist", "console", "$ fanfair start", "exit code 127"],
    ["a different answer", "console", '$ curl http://127.0.0.1:8000/livez\n{"status":"dead"}', "but the page says"],
    ["a server that does not start", "sh start", "npx fanfare start --workers many", "ended without"],
    ["a program that throws", "ts run", 'throw new Error("no");', "exit code 1"],
  ])("a page with %s fails the check", async (_, info, code, problem) => {
    await using run = new PageRun();
    const [block] = parsePage("a.md", `\`\`\`${info}\n${code}\n\`\`\``).blocks;
    await expect(block && run.perform(block)).rejects.toThrow(problem);
  });

  test("README.md and docs/start.md are among the pages", () => {
    expect(withCommands.map(({ path }) => path)).toEqual(expect.arrayContaining(["README.md", "docs/start.md"]));
  });

  test("blocks that are not run say why, and are the minority", () => {
    const blocks = pages.flatMap((page) => page.blocks);
    const reasons = blocks.flatMap(({ kind }) => (kind.name === "not run" ? [kind.reason] : []));
    expect(reasons.filter((reason) => reason.trim() !== reason || /^(todo|later)/i.test(reason))).toEqual([]);
    expect(reasons.length).toBeLessThan(blocks.filter(({ kind }) => ran.includes(kind.name)).length);
  });
});

describe("links in the documentation work", () => {
  test("each link leads to a file, and each anchor to a heading", () => {
    const broken = pages.flatMap(({ path, links }) =>
      links.filter((link) => !leadsSomewhere(link)).map((link) => `${path}:${link.line}: ${link.path}#${link.anchor}`),
    );
    expect(broken).toEqual([]);
  });

  test("docs/README.md lists every page of docs/", () => {
    const listed = new Set(byPath.get("docs/README.md")?.links.map(({ path }) => path));
    const all = pages.map(({ path }) => path).filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
    expect(all.filter((path) => !listed.has(path))).toEqual([]);
  });
});

test("JSON and YAML blocks parse", () => {
  const wrong = pages.flatMap(({ path, blocks }) =>
    blocks.filter((block) => !isSound(block)).map(({ line }) => `${path}:${line}`),
  );
  expect(wrong).toEqual([]);
});

/** Publishes until the script has logged it. @returns the errors of the script */
async function listen(browser: BrowserUnderTest, server: ServerUnderTest, code: string): Promise<readonly string[]> {
  const context = await browser.context();
  // A page of the server's origin without scripts of its own.
  const tab = await TabUnderTest.open(context, `${server.url}/livez`);
  // The browser requests an icon, which does not exist.
  const errors = () => tab.errors.filter((it) => !it.startsWith("Failed to load resource"));
  await tab.page.evaluate(`{ const { log } = console; console.log = (...values) => log(JSON.stringify(values)); }`);
  await tab.page.evaluate(`{ ${code.replaceAll("8000", String(server.port))} }`);
  while (!tab.console.some((line) => line.includes("Hello")) && errors().length === 0) {
    for (const channel of ["all", "room:1"]) {
      await server.request("POST", "/v1/publish", { channel, message: "Hello", data: { text: "Hello" } });
    }
    await tab.page.waitForTimeout(50);
  }
  await context.close();
  return errors();
}

function leadsSomewhere({ path, anchor }: { readonly path: string; readonly anchor: string }): boolean {
  if (anchor === "") return existsSync(join(root, path));
  return byPath.get(path)?.anchors.has(anchor) ?? false;
}

function isSound({ kind, code }: Block): boolean {
  if (kind.name === "json") return isJson(code) || code.split("\n").every(isJson);
  return kind.name !== "yaml" || isYaml(code);
}

function isYaml(text: string): boolean {
  try {
    parseYaml(text);
    return true;
  } catch {
    return false;
  }
}
