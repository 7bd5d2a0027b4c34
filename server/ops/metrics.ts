import type { PeerAnswer } from "../cluster/requests.ts";
import { health, type OpsDependencies } from "./health.ts";
import { type MetricValues, metricTable } from "./metric-table.ts";
import { seriesOf } from "./series.ts";

/**
 * The metrics of the whole server, collected on request. Hot paths only increment plain numbers; the process that receives the
 * request sums up those of all processes. JSON has short names; Prometheus names have the prefix `fanfare_`.
 */
export class Metrics {
  /** Of `text`. */
  static readonly textType = "text/plain; version=0.0.4; charset=utf-8";
  readonly #dependencies: OpsDependencies;

  /** @param readOwn reads the metrics of this process */
  constructor(dependencies: OpsDependencies, readOwn: () => MetricValues) {
    this.#dependencies = dependencies;
    // Each process reports its own uptime, because clocks of other machines may differ.
    dependencies.peers.handle("metrics", () => ({ uptime_s: dependencies.uptimeS(), ...readOwn() }));
  }

  /** `{active_connections, service, …}`. Metrics with several series are shown as their sum, histograms as sum and count. */
  async json(): Promise<Readonly<Record<string, string | number>>> {
    const { status, uptime_s } = health(this.#dependencies);
    return { service: "fanfare", status, uptime_s, ...summarized(combined(await this.#askAll())) };
  }

  /** The Prometheus text format, version 0.0.4. */
  async text(): Promise<string> {
    // Imported by the first scrape, because a server that nobody scrapes saves 6 MB.
    const { prometheusText } = await import("./prometheus.ts");
    return prometheusText(combined(await this.#askAll()));
  }

  /** `{nodes: […]}`: each process of the server with its metrics. */
  async nodes() {
    const nodes = (await this.#askAll()).map(({ member: { id, state }, body }) => {
      const { uptime_s = 0, ...values } = body as MetricValues;
      return {
        id,
        name: state.name,
        ...(state.node === undefined ? {} : { node: state.node }),
        pid: state.pid,
        status: state.isDraining ? "draining" : "healthy",
        uptime_s,
        ...summarized(values),
      };
    });
    return { nodes: nodes.toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true })) };
  }

  #askAll(): Promise<readonly PeerAnswer[]> {
    return this.#dependencies.peers.askAll("metrics", null);
  }
}

/** The values of several processes as those of one. */
function combined(answers: readonly PeerAnswer[]): MetricValues {
  const all = answers.map(({ body }) => body as MetricValues);
  const values: Record<string, number> = {};
  for (const metric of metricTable) {
    for (const { key } of seriesOf(metric)) {
      const each = all.map((those) => those[key] ?? 0);
      values[key] = metric.combine === "max" ? Math.max(0, ...each) : sumOf(each);
    }
  }
  return values;
}

/** Without labels: one number per name. Metrics that the process does not have are left out. */
function summarized(values: MetricValues): MetricValues {
  const summary: Record<string, number> = {};
  for (const metric of metricTable) {
    for (const { key, name } of seriesOf(metric)) {
      const value = values[key];
      if (value !== undefined && !name.endsWith("_bucket")) summary[name] = (summary[name] ?? 0) + value;
    }
  }
  return summary;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, it) => sum + it, 0);
}
