import { health, type OpsDependencies } from "./health.ts";
import { type MetricValues, metricTable } from "./metric-table.ts";
import type { Prometheus } from "./prometheus.ts";

/**
 * The metrics of the whole server, collected on request. Hot paths only increment plain numbers; the process that receives the
 * request sums up those of all processes. JSON has short names; Prometheus names have the prefix `fanfare_`.
 */
export class Metrics {
  /** Of `text`. */
  static readonly textType = "text/plain; version=0.0.4; charset=utf-8";
  readonly #dependencies: OpsDependencies;
  #prometheus: Prometheus | undefined;
  #sums: MetricValues = {};

  /** @param readOwn reads the metrics of this process */
  constructor(dependencies: OpsDependencies, readOwn: () => MetricValues) {
    this.#dependencies = dependencies;
    // Each process reports its own uptime, because clocks of other machines may differ.
    dependencies.peers.handle("metrics", () => ({ uptime_s: dependencies.uptimeS(), ...readOwn() }));
  }

  /** `{active_connections, service, …}` */
  async json(): Promise<Readonly<Record<string, string | number>>> {
    const { status, uptime_s } = health(this.#dependencies);
    return { service: "fanfare", status, uptime_s, ...(await this.#gather()) };
  }

  /** The Prometheus text format, version 0.0.4. */
  async text(): Promise<string> {
    // Imported by the first scrape, because a server that nobody scrapes saves 6 MB.
    const { Prometheus } = await import("./prometheus.ts");
    this.#prometheus ??= new Prometheus((name) => this.#sums[name] ?? 0);
    this.#sums = await this.#gather();
    return this.#prometheus.text();
  }

  /** `{nodes: […]}`: each process of the server with its metrics. */
  async nodes() {
    const answers = await this.#dependencies.peers.askAll("metrics", null);
    const nodes = answers.map(({ member: { id, state }, body }) => ({
      id,
      name: state.name,
      pid: state.pid,
      status: state.isDraining ? "draining" : "healthy",
      ...(body as MetricValues),
    }));
    return { nodes: nodes.toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true })) };
  }

  async #gather(): Promise<MetricValues> {
    const answers = await this.#dependencies.peers.askAll("metrics", null);
    const all = answers.map(({ body }) => body as MetricValues);
    return Object.fromEntries(
      metricTable.map(({ name, combine }) => {
        const values = all.map((those) => those[name] ?? 0);
        return [name, combine === "max" ? Math.max(0, ...values) : values.reduce((sum, value) => sum + value, 0)];
      }),
    );
  }
}
