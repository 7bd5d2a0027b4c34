import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { sectionsOf } from "../../scripts/docs-index.js";

const index = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** `npm run site` builds the documentation with it. */
// biome-ignore lint/style/noDefaultExport: VitePress reads it.
export default {
  title: "Fanfare",
  description: "Self-hosted real-time push server",
  outDir: "../.cache/site",
  cacheDir: "../.cache/vitepress",
  head: [["link", { rel: "icon", href: "/icon.svg", type: "image/svg+xml" }]],
  rewrites: { "README.md": "index.md" },
  // Files next to the pages, which scripts/site.js copies, and servers of the reader.
  ignoreDeadLinks: [/\/(llms|config\.schema)$/, /^https?:\/\/localhost\b/],
  markdown: { config: fixLinks, anchor: { slugify } },
  themeConfig: {
    // The index summarizes other pages, and would be found before them.
    search: { provider: "local", options: { _render: (text, env, md) => (isIndex(env) ? "" : md.render(text, env)) } },
    outline: [2, 3],
    sidebar: sectionsOf(index).map(({ title, pages }) => ({
      text: title,
      collapsed: title === "Design decisions",
      items: pages.map((page) => ({ text: page.title, link: `/${page.path.replace(/\.md$/, "")}` })),
    })),
  },
};

function isIndex({ relativePath }) {
  return relativePath === "index.md" || relativePath === "README.md";
}

/** Links to files outside of docs/ lead to their copies in /source/. With a target, VitePress does not take them for pages. */
function fixLinks(md) {
  md.core.ruler.push("links", ({ tokens, env }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === "link_open" ? token.attrGet("href") : null;
      if (href === null || !/^[^#:]*(\.\.\/|README\.md)/.test(href)) continue;
      const path = posix.join("docs", posix.dirname(env.relativePath), href);
      if (path.startsWith("docs/README.md")) token.attrSet("href", path.replace("docs/README.md", "/"));
      if (path.startsWith("docs/")) continue;
      token.attrSet("href", `/source/${path}`);
      token.attrSet("target", "_blank");
    }
  });
}

/** The fragments of headings, as code hosts make them and tests/docs/page.ts expects them. */
function slugify(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}
