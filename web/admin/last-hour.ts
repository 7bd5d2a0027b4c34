/** A process as `GET /v1/stats` reports it. */
export interface ProcessReport {
  readonly id: string;
  readonly name: string;
  readonly at: readonly number[];
  readonly figures: Readonly<Record<string, readonly number[]>>;
  readonly refusals: Readonly<Record<string, number>>;
}

/** The answer of `GET /v1/stats`. */
export interface StatsReport {
  readonly interval_s: number;
  readonly processes: readonly ProcessReport[];
  readonly channels: readonly {
    readonly channel: string;
    readonly messages_per_s: number;
    readonly subscribers: number;
  }[];
}

/** A line of a chart. */
export interface Series {
  /** Unix time in seconds, oldest first. */
  readonly at: readonly number[];
  readonly values: readonly number[];
}

const hourS = 3600;
/** A process whose samples are older does not hold up the others. Seconds. */
const lateS = 60;

/**
 * The last hour, put together from answers that each contain only what is newer than the one before. A process that has ended
 * keeps its place in the charts until the hour is over.
 */
export class LastHour {
  readonly #processes = new Map<string, ProcessReport>();
  /** The processes of the last answer. */
  #live: ReadonlySet<string> = new Set();

  /** The newest time that all processes have reported, for the next request. */
  get newest(): number {
    const times = [...this.#processes.values()].map(({ at }) => at.at(-1) ?? 0);
    return times.length === 0 ? 0 : Math.max(0, Math.max(...times) - 60);
  }

  add({ processes }: StatsReport): void {
    this.#live = new Set(processes.map(({ id }) => id));
    for (const process of processes) {
      const known = this.#processes.get(process.id);
      this.#processes.set(process.id, known === undefined ? process : joined(known, process));
    }
    const from = Math.max(0, ...[...this.#processes.values()].map(({ at }) => at.at(-1) ?? 0)) - hourS;
    for (const [id, { at }] of this.#processes) if ((at.at(-1) ?? 0) < from) this.#processes.delete(id);
  }

  /** @param process the id of one process; undefined for the sum of all */
  series(figure: string, process: string | undefined): Series {
    const sums = new Map<number, number>();
    for (const { id, at, figures } of this.#processes.values()) {
      if (process !== undefined && id !== process) continue;
      const values = figures[figure];
      if (values === undefined) continue;
      at.forEach((time, index) => void sums.set(time, (sums.get(time) ?? 0) + (values[index] ?? 0)));
    }
    const newest = Math.max(0, ...sums.keys());
    const until = process === undefined ? this.#completeUntil(newest) : newest;
    const times = [...sums.keys()].filter((it) => it > newest - hourS && it <= until).sort((a, b) => a - b);
    return { at: times, values: times.map((it) => sums.get(it) ?? 0) };
  }

  /** The newest time that all processes have reported: a sum without some of them would look like a drop. */
  #completeUntil(newest: number): number {
    const times = [...this.#processes.values()].filter(({ id }) => this.#live.has(id)).map(({ at }) => at.at(-1) ?? 0);
    return Math.min(newest, ...times.filter((it) => it > newest - lateS));
  }

  /** Refusals of the last hour by error code, most frequent first. */
  refusals(process: string | undefined): readonly (readonly [code: string, count: number])[] {
    const counts = new Map<string, number>();
    for (const { id, refusals } of this.#processes.values()) {
      if (process !== undefined && id !== process) continue;
      for (const [code, count] of Object.entries(refusals)) counts.set(code, (counts.get(code) ?? 0) + count);
    }
    return [...counts].sort(([, a], [, b]) => b - a);
  }
}

function joined(known: ProcessReport, more: ProcessReport): ProcessReport {
  const from = more.at[0];
  const kept = from === undefined ? known.at.length : known.at.filter((it) => it < from).length;
  const names = new Set([...Object.keys(known.figures), ...Object.keys(more.figures)]);
  const figures = Object.fromEntries(
    [...names].map((name) => [
      name,
      [...(known.figures[name] ?? []).slice(0, kept), ...(more.figures[name] ?? [])].slice(-360),
    ]),
  );
  return { ...more, at: [...known.at.slice(0, kept), ...more.at].slice(-360), figures };
}
