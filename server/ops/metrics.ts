import { Counter, Gauge, Registry } from "prom-client";
import { health, type OpsDoors } from "./health.ts";

/** One figure: how it is called in both forms, and where it is read. Counters only ever grow. */
interface Figure {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
  read(): number;
}

/**
 * The figures of the whole server, read when somebody asks: each worker's hot paths only add to plain numbers, and whoever
 * is asked adds up those of all. As JSON by short names, for Prometheus with the prefix `fanfare_` and units as its
 * conventions want them.
 */
export class Metrics {
  readonly #figures: readonly Figure[];
  readonly #doors: OpsDoors;
  readonly #registry = new Registry();
  #sums: Sums = {};

  constructor(doors: OpsDoors) {
    this.#doors = doors;
    this.#figures = figuresOf(doors);
    for (const figure of this.#figures) register(this.#registry, figure, () => this.#sums[figure.name] ?? 0);
    doors.hub.peers.handle("figures", () => this.#read());
  }

  /** `{active_connections, service, …}` */
  async json(now: number): Promise<Readonly<Record<string, string | number>>> {
    const { status, uptime_s } = health(this.#doors, now);
    return { service: "fanfare", status, uptime_s, ...(await this.#gather()) };
  }

  /** Prometheus' text format, version 0.0.4. */
  async text(): Promise<string> {
    this.#sums = await this.#gather();
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #read(): Sums {
    return Object.fromEntries(this.#figures.map(({ name, read }) => [name, read()]));
  }

  async #gather(): Promise<Sums> {
    const answers = await this.#doors.hub.peers.askAll("figures", null);
    const all = answers.map(({ body }) => body as Sums);
    return Object.fromEntries(
      this.#figures.map(({ name }) => [name, all.reduce((sum, those) => sum + (those[name] ?? 0), 0)]),
    );
  }
}

type Sums = Readonly<Record<string, number>>;

function figuresOf({ hub, isDraining }: OpsDoors): readonly Figure[] {
  const gauge = (name: string, help: string, read: () => number): Figure => ({ name, kind: "gauge", help, read });
  const counter = (name: string, help: string, read: () => number): Figure => ({ name, kind: "counter", help, read });
  return [
    gauge("active_connections", "Connections that are open now.", () => hub.connections.size),
    gauge("channels", "Channels that this process listens to.", () => hub.delivery.interest.size),
    gauge("slow_connections", "Connections whose socket is full.", () => hub.slowReaders),
    gauge("draining", "1 while the server is stopping.", () => (isDraining() ? 1 : 0)),
    gauge("memory_bytes", "Resident memory of the process.", () => process.memoryUsage.rss()),
    counter("connections_total", "Connections that were let in.", () => hub.reception.counts.admitted),
    counter("refusals_total", "Connections that were refused.", () => hub.reception.counts.refused),
    counter("publications_total", "Publications that were stored or passed on.", () => hub.published),
    counter("frames_total", "Frames that clients sent.", () => hub.framesHeard),
    counter("deliveries_total", "Publications handed to connections, live.", () => hub.delivery.counts.deliveries),
    counter("pumped_total", "Publications handed to lagging connections.", () => hub.delivery.counts.pumped),
    counter("gaps_total", "Holes that were announced.", () => hub.delivery.counts.gaps),
    counter("writes_total", "Writes of live publications to sockets.", () => hub.delivery.counts.writes),
    counter("flushes_total", "Flushes.", () => hub.delivery.counts.flushes),
    counter("cpu_seconds_total", "Processor time of the process.", () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }),
  ];
}

function register(registry: Registry, { name, kind, help }: Figure, read: () => number): void {
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
