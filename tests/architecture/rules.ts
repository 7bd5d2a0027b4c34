import { type Import, importsOf, isTest, type Sources } from "./sources.ts";

/** The folders of server/, lowest row first: a folder imports from rows before its own, and from itself. */
const rows = [
  ["lib"],
  ["broker", "cluster", "presence", "schedule", "auth", "channels", "limits"],
  ["trace", "telemetry"],
  ["session"],
  ["delivery"],
  ["hub"],
  ["api", "transport", "ops", "hooks"],
  ["http"],
  ["config"],
  ["worker"],
  ["supervisor"],
  ["cli"],
  ["main.ts", "index.ts"],
  ["binary.ts"],
];

/** The folders that the other top-level folders may import from. A folder that is not listed may import from anywhere. */
const otherFolders: Readonly<Record<string, readonly string[]>> = {
  protocol: ["protocol"],
  client: ["client", "protocol"],
  web: ["web", "client", "protocol"],
  bin: ["bin"],
  // The executable is made with the server's own way of bundling files for browsers.
  scripts: ["scripts", "bin", "server"],
};

/** The public entry points. Only these files may re-export. */
const entryPoints = ["server/index.ts", "client/index.ts", "client/checked.ts", "client/publisher/index.ts"];

const maxLines = 300;

/** Each rule takes the text of all files and returns its faults. */
export type Rule = (sources: Sources) => readonly string[];

export const importsPointDown: Rule = (sources) =>
  importsOf(sources)
    .filter(({ isPackage }) => !isPackage)
    .filter((it) => (it.from.startsWith("server/") ? !isAllowedInServer(it) : !isAllowedBeside(it)))
    .map(show);

/** protocol/ and client/ run wherever JavaScript runs, so they import no packages. web/ runs in a browser. */
export const packagesStayOut: Rule = (sources) =>
  importsOf(sources)
    .filter(({ from, isPackage }) => isPackage && !isTest(from))
    .filter(({ from, to }) => {
      const top = topFolderOf(from);
      return top === "protocol" || top === "client" || (top === "web" && /^(bun|node)(:|$)/.test(to));
    })
    .map(show);

/** The scripts install the packages themselves, so Node must be able to load them before. Imports at run time are fine. */
export const scriptsLoadWithoutPackages: Rule = (sources) =>
  [...sources]
    .filter(([path]) => path.startsWith("scripts/") && path.endsWith(".js"))
    .flatMap(([path, text]) =>
      Array.from(text.matchAll(/^import\b[^"';]*"([^"]+)"/gm), ([, to = ""]) => ({ path, to })),
    )
    .filter(({ to }) => !/^(\.|node:)/.test(to))
    .map(({ path, to }) => `${path} → ${to}`);

/** One line per import cycle, such as `a → b → a`. */
export const noCycles: Rule = (sources) => {
  const targets = Map.groupBy(importsOf(sources), ({ from }) => from);
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0) circles.push([...way.slice(start), path].join(" → "));
    if (start >= 0 || done.has(path)) return;
    for (const { to } of targets.get(path) ?? []) visit(to, [...way, path]);
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return circles;
};

export const noBarrels: Rule = (sources) =>
  [...sources]
    .filter(([path]) => !entryPoints.includes(path))
    .filter(([path, text]) => /(^|\/)index\.tsx?$/.test(path) || /^export\b[^"';=(]*\bfrom\s+"/m.test(text))
    .map(([path]) => path);

/**
 * @param reasons why a file may be longer, by its path. A reason that is no longer needed is a fault, too
 */
export function filesStayShort(sources: Sources, reasons: Readonly<Record<string, string>>): readonly string[] {
  const long = [...sources]
    .filter(([path]) => ["protocol", "server", "client", "web"].includes(topFolderOf(path)) && !isTest(path))
    .map(([path, text]) => ({ path, lines: text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > maxLines);
  const unexplained = long.filter(({ path }) => reasons[path] === undefined);
  const stale = Object.keys(reasons).filter((path) => !long.some((it) => it.path === path));
  return [
    ...unexplained.map(({ path, lines }) => `${path} has ${lines} lines: split it`),
    ...stale.map((path) => `${path} is not long (any more): remove its reason`),
  ];
}

/** Files contain no paths of a developer's machine, and no to-do comments without an issue. */
export const ownWords: Rule = (sources) => {
  const patterns = [
    {
      name: "a path of a developer's machine",
      pattern: /(?<![\w.}/])\/(?:work|root|Users\/\w+|home\/(?!bun\b|fanfare\b)\w+)\/[\w.]/,
    },
    { name: "a to-do comment without an issue", pattern: /\b(?:TO[D]O|FIX[M]E|X{3})\b(?!\(#\d+\))/ },
  ];
  return [...sources].flatMap(([path, text]) =>
    text
      .split("\n")
      .flatMap((line, index) =>
        patterns.filter(({ pattern }) => pattern.test(line)).map(({ name }) => `${path}:${index + 1} has ${name}`),
      ),
  );
};

function isAllowedInServer({ from, to }: Import): boolean {
  const top = topFolderOf(to);
  if (top === "protocol" || top === "" || ((top === "tests" || top === "scripts") && isTest(from))) return true;
  const folder = folderOf(from);
  if (top === "client") return folder === "cli" || folder === "index.ts";
  if (top === "web") return folder === "http";
  if (top === "bin") return folder === "binary.ts";
  if (top !== "server") return false;
  if (isOptions(from) && folder !== "config") return folderOf(to) === "lib";
  if (folder === "config" && isOptions(to)) return true;
  return folder === folderOf(to) || (rowOf(folderOf(to)) < rowOf(folder) && rowOf(folderOf(to)) >= 0);
}

function isAllowedBeside({ from, to }: Import): boolean {
  const allowed = otherFolders[topFolderOf(from)];
  return allowed === undefined || isTest(from) || topFolderOf(to) === "" || allowed.includes(topFolderOf(to));
}

/** The options of a folder import no other folder's options, so that config/ can import all of them. */
function isOptions(path: string): boolean {
  return /^server\/[^/]+\/options\.ts$/.test(path);
}

/** The top folder; empty for a file in the root, such as package.json. */
function topFolderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** -1 for a folder that has no row. Nothing may import it, so a new folder needs a row. */
function rowOf(folder: string): number {
  return rows.findIndex((row) => row.includes(folder));
}

function show({ from, to }: Import): string {
  return `${from} → ${to}`;
}
