/** A process as `GET /v1/stats` reports it. */
export interface ProcessReport {
  readonly id: string;
  readonly name: string;
  /** The machine, if there are several. */
  readonly node?: string;
  /** The process has ended. Its supervisor has its samples. */
  readonly ended?: boolean;
  readonly at: readonly number[];
  readonly figures: Readonly<Record<string, readonly number[]>>;
  readonly refusals: Readonly<Record<string, number>>;
}

/** The answer of `GET /v1/stats`. */
export interface StatsReport {
  readonly interval_s: number;
  readonly processes: readonly ProcessReport[];
  readonly channels: readonly ChannelRow[];
}

/** One of the busiest or largest channels. */
export interface ChannelRow {
  readonly channel: string;
  readonly messages_per_s: number;
  readonly subscribers: number;
  /** Stored messages. Undefined with Redis, which does not count them. */
  readonly messages?: number;
}

/** A line of a chart. */
export interface Series {
  /** Unix time in seconds, oldest first. */
  readonly at: readonly number[];
  readonly values: readonly number[];
}

/** The processes that a chart adds up: those of a machine, or a single one. All if empty. */
export interface Selection {
  readonly node?: string;
  readonly process?: string;
}

const hourS = 3600;
/** A process whose samples are older does not hold up the others. Seconds. */
const lateS = 60;

/** The last hour of all processes, put together from answers that each contain only what is newer than the one before. */
export class LastHour {
  #processes: ReadonlyMap<string, ProcessReport> = new Map();

  /** The processes with samples, by machine and name. */
  get processes(): readonly ProcessReport[] {
    return [...this.#processes.values()];
  }

  /** The newest time that all processes have reported, for the next request. */
  get newest(): number {
    const times = this.processes.map(({ at }) => at.at(-1) ?? 0);
    return times.length === 0 ? 0 : Math.max(0, Math.max(...times) - lateS);
  }

  /** Whether older samples are missing from an answer, because it has a process that the answers before did not have. */
  isPartOf({ processes }: StatsReport): boolean {
    return this.newest > 0 && processes.some(({ id }) => !this.#processes.has(id));
  }

  /** Processes that are not in the answer are removed: the server keeps those that have ended. */
  add({ processes }: StatsReport): void {
    this.#processes = new Map(
      processes.map((process) => {
        const known = this.#processes.get(process.id);
        return [process.id, known === undefined ? process : joined(known, process)];
      }),
    );
  }

  series(figure: string, selection: Selection = {}): Series {
    const selected = this.#selected(selection);
    const sums = new Map<number, number>();
    for (const { at, figures } of selected) {
      const values = figures[figure];
      if (values === undefined) continue;
      at.forEach((time, index) => void sums.set(time, (sums.get(time) ?? 0) + (values[index] ?? 0)));
    }
    const newest = Math.max(0, ...sums.keys());
    const until = completeUntil(selected, newest);
    const times = [...sums.keys()].filter((it) => it > newest - hourS && it <= until).sort((a, b) => a - b);
    return { at: times, values: times.map((it) => sums.get(it) ?? 0) };
  }

  /** Refusals of the last hour by error code, most frequent first. */
  refusals(selection: Selection = {}): readonly (readonly [code: string, count: number])[] {
    const counts = new Map<string, number>();
    for (const { refusals } of this.#selected(selection)) {
      for (const [code, count] of Object.entries(refusals)) counts.set(code, (counts.get(code) ?? 0) + count);
    }
    return [...counts].sort(([, a], [, b]) => b - a);
  }

  #selected({ node, process }: Selection): readonly ProcessReport[] {
    return this.processes.filter(
      (it) => (process === undefined || it.id === process) && (node === undefined || it.node === node),
    );
  }
}

/** The newest time that all of these processes have reported: a sum without some of them would look like a drop. */
function completeUntil(processes: readonly ProcessReport[], newest: number): number {
  const times = processes.filter(({ ended = false }) => !ended).map(({ at }) => at.at(-1) ?? 0);
  return Math.min(newest, ...times.filter((it) => it > newest - lateS));
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
