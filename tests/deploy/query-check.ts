import { parser } from "@prometheus-io/lezer-promql";
import type { ScrapedMetric } from "./scrape.ts";

type SyntaxNode = ReturnType<typeof parser.parse>["topNode"];

/** Labels that Prometheus adds when it scrapes. */
const scrapeLabels = new Set(["instance", "job"]);
const growthFunctions = new Set(["rate", "increase"]);

/** The labels of a series that a query may use. */
interface Known {
  readonly type: string;
  /** The values of each label. */
  readonly labels: Map<string, Set<string>>;
}

/** Finds what is wrong with PromQL queries, compared with the metrics of a server. */
export class QueryCheck {
  readonly #known = new Map<string, Known>([["up", { type: "gauge", labels: new Map() }]]);

  constructor(metrics: readonly ScrapedMetric[]) {
    for (const { type, series } of metrics) {
      for (const { name, labels } of series) {
        const known = this.#known.get(name) ?? { type, labels: new Map() };
        for (const [label, value] of labels) known.labels.set(label, (known.labels.get(label) ?? new Set()).add(value));
        this.#known.set(name, known);
      }
    }
  }

  /** @param query PromQL, which may contain Grafana's variables, or `label_values(metric, label)` */
  faultsOf(query: string): readonly string[] {
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    const text = metric === undefined ? query.replaceAll("$__rate_interval", "5m") : `count by (${label}) (${metric})`;
    const faults: string[] = [];
    const selected: Known[] = [];
    const nodes: SyntaxNode[] = [];
    parser.parse(text).iterate({ enter: ({ node }) => void nodes.push(node) });
    const textOf = ({ from, to }: SyntaxNode) => text.slice(from, to);
    for (const node of nodes) {
      if (node.type.isError) faults.push(`no PromQL at character ${node.from + 1}`);
      if (node.name === "VectorSelector") this.#checkSelector(node, textOf, faults, selected);
      if (node.name === "FunctionCall") faults.push(...faultsOfCall(node, textOf));
    }
    for (const labels of nodes.filter(({ name }) => name === "GroupingLabels")) {
      for (const name of labels.getChildren("LabelName").map(textOf)) {
        const isKnown = scrapeLabels.has(name) || selected.some((it) => it.labels.has(name));
        if (!isKnown) faults.push(`unknown label ${name}`);
      }
    }
    return faults;
  }

  #checkSelector(node: SyntaxNode, textOf: (node: SyntaxNode) => string, faults: string[], selected: Known[]): void {
    const identifier = node.getChild("Identifier");
    const name = identifier === null ? "" : textOf(identifier);
    const known = this.#known.get(name);
    if (known === undefined) {
      faults.push(`unknown metric ${name}`);
      return;
    }
    selected.push(known);
    const isGrowing = known.type !== "gauge";
    const isGrowth = growthFunctions.has(functionAround(node, textOf));
    if (isGrowth && !isGrowing) faults.push(`${name} is not a counter`);
    if (isGrowing && !isGrowth) faults.push(`${name} is a counter: its growth is what matters`);
    for (const matcher of node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? []) {
      const [label = "", operator = "", value = ""] = children(matcher).map(textOf);
      if (scrapeLabels.has(label)) continue;
      const values = known.labels.get(label);
      if (values === undefined) faults.push(`unknown label ${label}`);
      else if (!matchesAny(values, operator, value.slice(1, -1))) faults.push(`${label} is never ${value}`);
    }
  }
}

/** A quantile needs the buckets, by their bounds. */
function faultsOfCall(node: SyntaxNode, textOf: (node: SyntaxNode) => string): readonly string[] {
  if (!textOf(node).startsWith("histogram_quantile(")) return [];
  return /_bucket\b/.test(textOf(node)) && /\bby \((\w+, )*le(, \w+)*\)/.test(textOf(node))
    ? []
    : ["a quantile needs the buckets of a histogram, by (le)"];
}

/** The name of the function whose argument a selector is. */
function functionAround(node: SyntaxNode, textOf: (node: SyntaxNode) => string): string {
  for (let it = node.parent; it !== null; it = it.parent) {
    if (it.name === "FunctionCall") return textOf(it).split("(")[0] ?? "";
  }
  return "";
}

function matchesAny(values: ReadonlySet<string>, operator: string, pattern: string): boolean {
  const parts = operator.endsWith("~") ? new RegExp(`^(?:${pattern})$`) : undefined;
  return parts === undefined ? values.has(pattern) : [...values].some((it) => parts.test(it));
}

function children(node: SyntaxNode): readonly SyntaxNode[] {
  const all: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) all.push(child);
  return all;
}
