import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { run } from "./run.js";
import { runScript } from "./setup.js";

/** Not a dependency: 125 packages with 100 MB, which only this script needs. */
const generator = "vitepress@1.6.4";
const site = ".cache/site";

/**
 * `npm run site`: builds the documentation as a website with search, into .cache/site. Each page is also there as Markdown, and so
 * are the files of the repository that pages link to.
 */
await runScript(async () => {
  const { code } = await run("npx", ["--yes", generator, "build", "docs"]);
  if (code !== 0) return code ?? 1;
  const files = readdirSync("docs", { recursive: true, encoding: "utf8" }).filter((it) => !it.startsWith(".vitepress"));
  for (const file of files.filter((it) => /\.(md|txt|json)$/.test(it))) copy(join("docs", file), join(site, file));
  copy("web/page/icon.svg", join(site, "icon.svg"));
  for (const file of files.filter((it) => it.endsWith(".md"))) {
    for (const path of sourcesOf(join("docs", file))) copy(path, join(site, "source", path));
  }
  console.log(`The website is in ${site}. Any web server can serve it, such as: npx --yes serve ${site}`);
  return 0;
});

/**
 * The files outside of docs/ that a page links to.
 *
 * @param {string} page
 */
function sourcesOf(page) {
  const links = [...readFileSync(page, "utf8").matchAll(/\]\((\.\.\/[^)\s#]+)/g)];
  return links
    .map(([, target = ""]) => normalize(join(dirname(page), target)))
    .filter((path) => !path.startsWith("docs/"));
}

/**
 * @param {string} from
 * @param {string} to
 */
function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
}
