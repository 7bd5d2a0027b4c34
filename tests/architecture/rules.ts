import { type Import, importsOf, isTest, type Sources } from "./sources.ts";

/** The folders of server/, lowest row first: a folder imports from rows before its own, and from itself. */
const rows = [
  ["lib"],
  ["broker", "cluster", "presence", "schedule", "auth", "channels"],
  ["session"],
  ["delivery"],
  ["hub"],
  ["api", "transport", "ops"],
  ["http"],
  ["config"],
  ["worker"],
  ["supervisor"],
  ["cli"],
  ["main.ts", "index.ts"],
];

/** What the rooms beside server/ may import from; a room that is not named here is free. */
const neighbours: Readonly<Record<string, readonly string[]>> = {
  protocol: ["protocol"],
  client: ["client", "protocol"],
  web: ["web", "client", "protocol"],
  bin: ["bin"],
  scripts: ["scripts", "bin"],
};

/** The public doors: the only files that pass on what others export. */
const dependencies = ["server/index.ts", "client/index.ts"];

const maxLines = 300;

/** Each rule takes the text of all files and returns its faults, empty when the house is in order. */
export type Rule = (sources: Sources) => readonly string[];

export const importsPointDown: Rule = (sources) =>
  importsOf(sources)
    .filter(({ isPackage }) => !isPackage)
    .filter((it) => (it.from.startsWith("server/") ? !isAllowedInServer(it) : !isAllowedBeside(it)))
    .map(show);

/** protocol/ and client/ run wherever JavaScript does, so they have no package; web/ runs in a browser. */
export const packagesStayOut: Rule = (sources) =>
  importsOf(sources)
    .filter(({ from, isPackage }) => isPackage && !isTest(from))
    .filter(({ from, to }) => {
      const room = roomOf(from);
      return room === "protocol" || room === "client" || (room === "web" && /^(bun|node)(:|$)/.test(to));
    })
    .map(show);

/** One line per circle, as `a → b → a`. */
export const noCircles: Rule = (sources) => {
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
    .filter(([path]) => !dependencies.includes(path))
    .filter(([path, text]) => /(^|\/)index\.tsx?$/.test(path) || /^export\b[^"';=(]*\bfrom\s+"/m.test(text))
    .map(([path]) => path);

/**
 * @param reasons why a file may be longer, by its path; a reason that is needed no more is a fault too
 */
export function filesStayShort(sources: Sources, reasons: Readonly<Record<string, string>>): readonly string[] {
  const long = [...sources]
    .filter(([path]) => ["protocol", "server", "client", "web"].includes(roomOf(path)) && !isTest(path))
    .map(([path, text]) => ({ path, lines: text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > maxLines);
  const unexplained = long.filter(({ path }) => reasons[path] === undefined);
  const stale = Object.keys(reasons).filter((path) => !long.some((it) => it.path === path));
  return [
    ...unexplained.map(({ path, lines }) => `${path} has ${lines} lines: is there a second noun in it?`),
    ...stale.map((path) => `${path} is not long (any more): take its reason away`),
  ];
}

/** The project speaks of itself only: no folder of somebody's machine, and nothing left to do that is not an issue. */
export const ownWords: Rule = (sources) => {
  const patterns = [
    {
      name: "a path of a machine",
      pattern: /(?<![\w.}/])\/(?:work|root|Users\/\w+|home\/(?!bun\b|fanfare\b)\w+)\/[\w.]/,
    },
    { name: "a task without its issue", pattern: /\b(?:TO[D]O|FIX[M]E|X{3})\b(?!\(#\d+\))/ },
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
  const room = roomOf(to);
  if (room === "protocol" || room === "" || (room === "tests" && isTest(from))) return true;
  const folder = folderOf(from);
  if (room === "client") return folder === "cli" || folder === "index.ts";
  if (room === "web") return folder === "http";
  if (room !== "server") return false;
  if (isOptions(from) && folder !== "config") return folderOf(to) === "lib";
  if (folder === "config" && isOptions(to)) return true;
  return folder === folderOf(to) || (rowOf(folderOf(to)) < rowOf(folder) && rowOf(folderOf(to)) >= 0);
}

function isAllowedBeside({ from, to }: Import): boolean {
  const allowed = neighbours[roomOf(from)];
  return allowed === undefined || isTest(from) || roomOf(to) === "" || allowed.includes(roomOf(to));
}

/** A folder's options gather no other folder's words, so that config/ may read them all. */
function isOptions(path: string): boolean {
  return /^server\/[^/]+\/options\.ts$/.test(path);
}

/** The top folder; empty for a file in the root, such as package.json. */
function roomOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** -1 for a folder that has no row: it may be imported by nobody, so it asks for one. */
function rowOf(folder: string): number {
  return rows.findIndex((row) => row.includes(folder));
}

function show({ from, to }: Import): string {
  return `${from} → ${to}`;
}
