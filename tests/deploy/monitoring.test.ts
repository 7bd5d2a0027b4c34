import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";

const read = (file: string) => readFileSync(join(import.meta.dir, "..", "..", "deploy", file), "utf8");

interface Query {
  readonly name: string;
  readonly expression: string;
}

/** Labels that Prometheus adds when it scrapes. The server itself sets none. */
const scrapeLabels = new Set(["instance", "job"]);
const functions = new Set(["rate", "increase", "sum", "by", "offset", "and", "label_values"]);

const rules = (parse(read("prometheus-alerts.yaml")) as { groups: { rules: Record<string, string>[] }[] }).groups;
const alerts: readonly Query[] = rules.flatMap((group) =>
  group.rules.map(({ alert = "", expr = "" }) => ({ name: alert, expression: expr })),
);

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}
const dashboard = JSON.parse(read("grafana-dashboard.json")) as Dashboard;
const panels: readonly Query[] = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => ({ name: title, expression: expr })),
);
const variables = dashboard.templating.list
  .filter(({ query }) => query.includes("("))
  .map(({ name, query }) => ({ name: `$${name}`, expression: query }));

let server: ServerUnderTest;
/** The metrics of a running server, and the type of each. */
const types = new Map<string, string>();
const labels = new Set<string>();
beforeAll(async () => {
  server = await startServer({ env: { WORKERS: "2" } });
  const text = await (await server.request("GET", "/metrics", undefined, { Accept: "text/plain" })).text();
  for (const [, name = "", type = ""] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm)) types.set(name, type);
  for (const [, inner = ""] of text.matchAll(/^\w+\{(.*)\} /gm)) {
    for (const [, label = ""] of inner.matchAll(/(\w+)=/g)) labels.add(label);
  }
});
afterAll(() => server[Symbol.asyncDispose]());

/** What is wrong with a query, compared with the metrics of the server. */
function faultsOf({ expression }: Query): readonly string[] {
  const faults: string[] = [];
  // Values of labels and durations are no names.
  const bare = expression.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[[^\]]*\]/g, "[]");
  const matchers = [...bare.matchAll(/\{([^}]*)\}|by \(([^)]*)\)/g)].map(([, inside, by]) => inside ?? by ?? "");
  const usedLabels = matchers.flatMap((it) => it.match(/\w+/g) ?? []);
  for (const label of usedLabels) {
    if (!scrapeLabels.has(label) && !labels.has(label)) faults.push(`unknown label ${label}`);
  }
  for (const [name] of bare.replaceAll(/\{[^}]*\}|by \([^)]*\)/g, "").matchAll(/[a-z_][a-z_0-9]*/gi)) {
    const isKnown = types.has(name) || functions.has(name) || scrapeLabels.has(name) || name === "up";
    if (!isKnown && !/^(\d|e\d|m$)/.test(name)) faults.push(`unknown metric or function ${name}`);
  }
  for (const [, name = ""] of bare.matchAll(/(?:rate|increase)\((\w+)/g)) {
    if (types.get(name) !== "counter") faults.push(`${name} is no counter`);
  }
  for (const [name, type] of types) {
    const isRead = new RegExp(`\\b${name}\\b`).test(bare);
    const isDifference = new RegExp(`(?:rate|increase)\\(${name}\\b`).test(bare);
    if (isRead && type === "counter" && !isDifference && name !== "fanfare_rolls_failed_total") {
      faults.push(`${name} is a counter: its growth is what matters`);
    }
  }
  for (const [open, close] of ["()", "{}", "[]"]) {
    if (expression.split(open ?? "").length !== expression.split(close ?? "").length) faults.push(`unbalanced ${open}`);
  }
  return faults;
}

describe("every query uses metrics, labels and types of a running server:", () => {
  test.each(alerts)("the alert $name", (query) => {
    expect(faultsOf(query)).toEqual([]);
  });

  test.each([...variables, ...panels])("the panel $name", (query) => {
    expect(faultsOf(query)).toEqual([]);
  });

  test.each([
    ["a metric that does not exist", "rate(fanfare_lost_total[5m])", "unknown metric or function fanfare_lost_total"],
    ["a label that does not exist", 'fanfare_channels{worker="1"}', "unknown label worker"],
    ["the rate of a gauge", "rate(fanfare_active_connections[5m])", "fanfare_active_connections is no counter"],
    ["a bare counter", "fanfare_gaps_total > 5", "fanfare_gaps_total is a counter: its growth is what matters"],
  ])("%s would be found", (_, expression, fault) => {
    expect(faultsOf({ name: "it", expression })).toContain(fault);
  });
});

test.each([
  ...["drain_phase", "drain_remaining", "drain_deadline_seconds", "drain_left_total", "drain_moved_total"],
  ...[
    "drain_forced_total",
    "drain_unflushed_bytes_total",
    "resumes_complete_total",
    "resumes_incomplete_total",
    "roll",
  ],
])("the dashboard shows %s, which a roll is judged by", (name) => {
  expect(panels.some(({ expression }) => new RegExp(`\\bfanfare_${name}\\b`).test(expression))).toBe(true);
});

test("each panel has a place of its own", () => {
  const places = (dashboard.panels as readonly { gridPos?: { x: number; y: number } }[]).map(
    ({ gridPos }) => `${gridPos?.x} ${gridPos?.y}`,
  );
  expect(new Set(places).size).toBe(places.length);
});
