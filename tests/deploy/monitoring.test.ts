import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { metricTable } from "../../server/ops/metric-table.ts";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { Shared } from "../shared.ts";
import { faultsOfMetric } from "./metric-lint.ts";
import { QueryCheck } from "./query-check.ts";
import { parseScrape, type ScrapedMetric } from "./scrape.ts";

const read = (file: string) => readFileSync(join(import.meta.dir, "..", "..", "deploy", file), "utf8");

interface Query {
  readonly name: string;
  readonly expression: string;
}

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
let metrics: readonly ScrapedMetric[];
let check: QueryCheck;
const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer({ env: { WORKERS: "2" } }));
  // On both workers something is delivered and refused, so that sums are of more than one process.
  const clients = await Promise.all(Array.from({ length: 12 }, () => SocketUnderTest.open(server.wsUrl)));
  for (const client of clients) client.send({ type: "subscribe", channel: "@other" });
  await Promise.all(clients.map((client) => client.until(({ type }) => type === "error")));
  await server.request("POST", "/v1/publish", { channel: "all", data: 1 });
  await Promise.all(clients.map((client) => client.untilMessages(1)));
  metrics = parseScrape(await (await server.request("GET", "/metrics", undefined, { Accept: "text/plain" })).text());
  check = new QueryCheck(metrics);
  for (const client of clients) client.close();
});
afterAll(() => shared.close());

describe("the metrics of a running server", () => {
  test("follow the conventions of Prometheus", () => {
    const faults = metrics.flatMap((it) => faultsOfMetric(it).map((fault) => `${it.name}: ${fault}`));
    expect(faults).toEqual([]);
    expect(metrics).toHaveLength(metricTable.length);
  });

  test("have each name and each series once", () => {
    const series = metrics.flatMap((it) => it.series.map(({ name, labels }) => `${name} ${[...labels].join()}`));
    expect(new Set(series).size).toBe(series.length);
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
  });

  test("are sums over all workers", () => {
    const read = (name: string, label = "") =>
      metrics.flatMap(({ series }) => series).find((it) => it.name === name && [...it.labels.values()].join() === label)
        ?.value;
    expect(read("fanfare_refusals_total", "forbidden")).toBe(12);
    expect(read("fanfare_delivery_latency_seconds_count")).toBe(read("fanfare_deliveries_total"));
    expect(read("fanfare_write_bytes_count")).toBe(read("fanfare_writes_total"));
    expect(read("fanfare_write_publications_bucket", "+Inf")).toBeGreaterThanOrEqual(12);
  });

  const counter: ScrapedMetric = {
    name: "fanfare_lost_total",
    type: "counter",
    help: "Lost messages.",
    series: [{ name: "fanfare_lost_total", labels: new Map(), value: 0 }],
  };
  test.each<[Partial<ScrapedMetric>, string]>([
    [{ name: "fanfare_lost" }, "counters, and nothing else, end in _total"],
    [{ type: "gauge" }, "counters, and nothing else, end in _total"],
    [{ name: "lost_total" }, "the name has no prefix"],
    [{ name: "fanfare_lostMessages_total" }, "the name is not in snake_case"],
    [{ name: "fanfare_lost_ms_total" }, "the unit is ms, expected seconds"],
    [{ name: "fanfare_seconds_lost_total" }, "the unit is not at the end"],
    [{ name: "fanfare_lost_counter_total" }, "the name contains its type, counter"],
    [{ name: "fanfare_lost_count", type: "gauge" }, "the name has a suffix with a meaning of its own"],
    [{ help: "lost messages" }, "the help is not a sentence"],
    [{ series: [] }, "it has no values"],
    [
      { series: [{ name: "fanfare_lost_total", labels: new Map([["le", "1"]]), value: 0 }] },
      "the label le has another meaning",
    ],
    [{ series: [{ name: "fanfare_lost_total", labels: new Map(), value: -1 }] }, "a value is negative"],
    [
      {
        series: Array.from({ length: 101 }, (_, n) => ({ name: "x", labels: new Map([["user", `u${n}`]]), value: 0 })),
      },
      "the label user has 101 values",
    ],
  ])("a metric with %o would be found", (change, fault) => {
    expect(faultsOfMetric(counter)).toEqual([]);
    expect(faultsOfMetric({ ...counter, ...change })).toContain(fault);
  });

  test("a histogram whose buckets do not add up would be found", () => {
    const line = (name: string, le: string | undefined, value: number) => ({
      name: `fanfare_size_bytes_${name}`,
      labels: new Map(le === undefined ? [] : [["le", le]]),
      value,
    });
    const right = [
      line("bucket", "1", 2),
      line("bucket", "+Inf", 3),
      line("sum", undefined, 9),
      line("count", undefined, 3),
    ];
    const of = (series: typeof right) =>
      faultsOfMetric({ name: "fanfare_size_bytes", type: "histogram", help: "Sizes.", series });
    expect(of(right)).toEqual([]);
    expect(of([line("bucket", "1", 4), ...right.slice(1)])).toEqual(["the counts of the buckets are not cumulative"]);
    expect(of([...right.slice(0, 3), line("count", undefined, 4)])).toEqual(["the last bucket is not the count"]);
    expect(of(right.filter(({ name }) => !name.endsWith("_sum")))).toEqual(["there is no sum"]);
    expect(of([...right.slice(0, 1), ...right.slice(2)])).toContain("the buckets do not end at +Inf");
  });
});

describe("every query is PromQL, and uses metrics, labels and types of a running server:", () => {
  test.each(alerts)("the alert $name", ({ expression }) => {
    expect(check.faultsOf(expression)).toEqual([]);
  });

  test.each([...variables, ...panels])("the panel $name", ({ expression }) => {
    expect(check.faultsOf(expression)).toEqual([]);
  });

  test.each([
    ["a metric that does not exist", "rate(fanfare_lost_total[5m])", "unknown metric fanfare_lost_total"],
    ["a label that does not exist", 'fanfare_channels{worker="1"}', "unknown label worker"],
    ["a label to group by that does not exist", "sum by (worker) (fanfare_channels)", "unknown label worker"],
    ["a value that a label never has", 'rate(fanfare_refusals_total{code="lost"}[5m])', 'code is never "lost"'],
    ["the rate of a gauge", "rate(fanfare_active_connections[5m])", "fanfare_active_connections is not a counter"],
    ["a bare counter", "fanfare_gaps_total > 5", "fanfare_gaps_total is a counter: its growth is what matters"],
    ["a missing bracket", "rate(fanfare_gaps_total[5m)", "no PromQL at character 27"],
    [
      "a quantile of something else",
      "histogram_quantile(0.9, sum by (instance) (rate(fanfare_write_bytes_sum[5m])))",
      "a quantile needs the buckets of a histogram, by (le)",
    ],
  ])("%s would be found", (_, expression, fault) => {
    expect(check.faultsOf(expression)).toContain(fault);
  });
});

test.each([
  ...["drain_phase", "drain_remaining", "drain_deadline_seconds", "drain_left_total", "drain_moved_total"],
  ...[
    "drain_forced_total",
    "drain_unflushed_bytes_total",
    "resumes_complete_total",
    "resumes_incomplete_total",
    "rolls_total",
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
