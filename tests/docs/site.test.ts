import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { testIf } from "../test-if.ts";

const root = join(import.meta.dir, "..", "..");
const site = join(root, ".cache", "site");
const isLong = process.env.FANFARE_LONG !== undefined;
const reason = "it downloads 100 MB and takes a minute; run it with npm run test:long";

testIf(isLong, reason)(
  "npm run site builds every page, with search, as Markdown too, and without a dead link",
  async () => {
    const child = Bun.spawn(["node", "scripts/site.js"], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const [output, code] = await Promise.all([outputOf(child), child.exited]);
    expect(code, output).toBe(0);

    const pages = filesIn(join(root, "docs")).filter((it) => it.endsWith(".md"));
    expect(pages.length).toBeGreaterThan(30);
    for (const page of pages) {
      expect(readFileSync(join(site, page), "utf8")).toBe(readFileSync(join(root, "docs", page), "utf8"));
      const html = page.replace(/(README)?\.md$/, (_, index) => (index ? "index.html" : ".html"));
      expect(textOf(html).includes("<h1"), html).toBe(true);
    }
    expect(deadLinks()).toEqual([]);

    const [index = ""] = filesIn(join(site, "assets")).filter((it) => it.includes("localSearchIndex"));
    expect(textOf(join("assets", index)).includes("wildcard")).toBe(true);

    const listed = Array.from(textOf("llms.txt").matchAll(/\]\(([^)]+)\)/g), ([, path = ""]) => path);
    expect(listed.length).toBeGreaterThan(20);
    for (const path of listed) expect(existsSync(join(site, path)), path).toBe(true);
  },
  600_000,
);

test("a link is dead if its file or its fragment is missing", () => {
  const html = new Map([
    [
      "a.html",
      '<h1 id="top"></h1><a href="/b.html#x">1</a> <a href="./c">2</a> <a href="#top">3</a> <a href="#no">4</a>',
    ],
    ["b.html", '<p id="y"></p> <a href="https://example.com/#z">5</a> <a href="/file.txt">6</a>'],
  ]);
  expect(deadLinksIn(html, (path) => path === "file.txt")).toEqual(["a.html: /b.html#x", "a.html: ./c", "a.html: #no"]);
});

function deadLinks(): readonly string[] {
  const names = filesIn(site).filter((it) => it.endsWith(".html") && !it.startsWith("source/"));
  return deadLinksIn(new Map(names.map((it) => [it, textOf(it)])), (path) => existsSync(join(site, path)));
}

/** The links to pages, fragments and other files of the site that lead nowhere. */
function deadLinksIn(pages: ReadonlyMap<string, string>, isThere: (path: string) => boolean): readonly string[] {
  return [...pages].flatMap(([page, html]) => {
    const links = Array.from(html.matchAll(/<a\s[^>]*?href="([^"]*)"/g), ([, href = ""]) => href);
    return links.filter((href) => isDead(page, href)).map((href) => `${page}: ${href}`);
  });

  function isDead(page: string, href: string): boolean {
    if (/^[a-z]+:/.test(href)) return false;
    const [path = "", fragment = ""] = href.replaceAll("&amp;", "&").split("#").map(decodeURIComponent);
    const target = path === "" ? page : posix.join(path.startsWith("/") ? "." : posix.dirname(page), path);
    const found = [target, `${target}.html`, posix.join(target, "index.html")].find((it) => pages.has(it));
    if (found === undefined) return !isThere(target);
    return fragment !== "" && !pages.get(found)?.includes(` id="${fragment}"`);
  }
}

function textOf(path: string): string {
  return readFileSync(join(site, path), "utf8");
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((it) => !it.startsWith(".vitepress"))
    .filter((it) => statSync(join(folder, it)).isFile());
}

async function outputOf({ stdout, stderr }: { readonly stdout: ReadableStream; readonly stderr: ReadableStream }) {
  return (await Promise.all([stdout, stderr].map((it) => new Response(it).text()))).join("");
}
