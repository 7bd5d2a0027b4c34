import { Counter, Gauge, Registry } from "prom-client";
import { type Metric, metricTable } from "./metric-table.ts";

/** The metrics in the Prometheus text format, version 0.0.4. */
export class Prometheus {
  readonly #registry = new Registry();

  /** @param read the current value of a metric */
  constructor(read: (name: Metric["name"]) => number) {
    for (const metric of metricTable) register(this.#registry, metric, () => read(metric.name));
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function register(registry: Registry, { name, kind, help }: Metric, read: () => number): void {
  const options = { name: `fanfare_${name}`, help, registers: [registry] };
  if (kind === "gauge") {
    new Gauge({
      ...options,
      collect() {
        this.set(read());
      },
    });
    return;
  }
  new Counter({
    ...options,
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}
