import { dirname, join, normalize, relative } from "node:path";
import { Glob } from "bun";

export const root = join(import.meta.dir, "..", "..");

/** The kind of a fenced block, which the words after its fence determine. CONTRIBUTING.md explains them. */
export type BlockKind =
  /** Commands that run until they exit with code 0. */
  | { readonly name: "runs" }
  /** Commands with their output, which must match. `…` matches anything. */
  | { readonly name: "transcript" }
  /** Starts a server for later blocks of the page. */
  | { readonly name: "starts" }
  /** Prints something and keeps running. */
  | { readonly name: "stays" }
  /** A program for Bun that exits by itself. */
  | { readonly name: "program" }
  /** JavaScript for a page of the server's own origin. It logs what it receives to the console. */
  | { readonly name: "script" }
  | { readonly name: "not run"; readonly reason: string }
  /** JSON: one value, or one per line. YAML. */
  | { readonly name: "json" | "yaml" }
  | { readonly name: "text" };

export interface Block {
  readonly kind: BlockKind;
  readonly code: string;
  /** The line of the fence, counted from 1. */
  readonly line: number;
}

export interface Link {
  /** Path from the root of the project. */
  readonly path: string;
  readonly anchor: string;
  readonly line: number;
}

/** One parsed page of the documentation. */
export interface Page {
  /** Relative to the root of the project. */
  readonly path: string;
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
  /** The fragments of the headings in a URL, such as `securing-the-server`. */
  readonly anchors: ReadonlySet<string>;
}

/** Every page that is written for readers. */
export async function readPages(): Promise<readonly Page[]> {
  const found = ["*.md", "docs/**/*.md", "examples/**/*.md"].flatMap((it) => [...new Glob(it).scanSync(root)]);
  return Promise.all(found.toSorted().map(async (path) => parsePage(path, await Bun.file(join(root, path)).text())));
}

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const links: Link[] = [];
  const anchors = new Set<string>();
  let open: { info: string; line: number; indent: string; lines: string[] } | undefined;
  for (const [index, content] of text.split("\n").entries()) {
    const line = index + 1;
    const [, indent = "", info] = /^( *)```(.*)$/.exec(content) ?? [];
    if (open !== undefined && info === undefined) open.lines.push(content.replace(open.indent, ""));
    else if (open !== undefined) {
      blocks.push({ kind: kindOf(open.info, `${path}:${open.line}`), code: open.lines.join("\n"), line: open.line });
      open = undefined;
    } else if (info !== undefined) open = { info, line, indent, lines: [] };
    else {
      links.push(...linksIn(content, path, line));
      const heading = /^#+ (.+)$/.exec(content)?.[1];
      if (heading !== undefined) anchors.add(anchorOf(heading));
    }
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: the block is never closed`);
  return { path, blocks, links, anchors };
}

const plainKinds: Readonly<Record<string, BlockKind>> = {
  sh: { name: "runs" },
  console: { name: "transcript" },
  "sh start": { name: "starts" },
  "sh stays": { name: "stays" },
  "ts run": { name: "program" },
  "js page": { name: "script" },
  json: { name: "json" },
  yaml: { name: "yaml" },
};

function kindOf(info: string, place: string): BlockKind {
  const [, reason] = /^sh no-run: (.{8,})$/.exec(info) ?? [];
  if (reason !== undefined) return { name: "not run", reason };
  const kind = plainKinds[info];
  if (kind !== undefined) return kind;
  if (!/^(sh|bash|shell|console)\b/.test(info)) return { name: "text" };
  throw new Error(`${place}: expected one of ${Object.keys(plainKinds).join(", ")} or "sh no-run: why", got "${info}"`);
}

function linksIn(content: string, path: string, line: number): readonly Link[] {
  const targets = [...content.replaceAll(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = "", anchor = ""] = target.split("#");
      const full = file === "" ? path : relative(root, join(root, dirname(path), file));
      return { path: normalize(full), anchor, line };
    });
}

/** Makes a fragment like code hosts do: lower case, no punctuation, `-` for spaces. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}
