import type { Member } from "../cluster/cluster.ts";
import type { Peers } from "../cluster/peers.ts";
import { alignedDelay } from "../lib/aligned-delay.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { type PlainSample, SampleRing, sampleIntervalS } from "../ops/sample-ring.ts";
import { type EndedProcesses, type ProcessStats, readSamples } from "../ops/stats.ts";

const hourS = 3600;
/** While a worker drains, its samples are copied this often, because it may end at any time. Milliseconds. */
const drainingMs = 2000;
const copiesPerSample = (sampleIntervalS * 1000) / drainingMs;
/** Of ended workers, so that workers that crash one after the other do not fill the memory: at most 10 MB. */
const maxEnded = 100;

/** The last hour of a worker, for the program that replaces this one. */
export interface WorkerHour {
  readonly pid: number;
  readonly id: string;
  readonly name: string;
  readonly samples: readonly PlainSample[];
}

interface Copy {
  /** As a member of the cluster. A worker that was disconnected has a new one. */
  readonly id: string;
  readonly name: string;
  readonly ring: SampleRing;
}

export interface WorkerHoursParts {
  readonly peers: Peers;
  /** The name of this node; null if there is only one. */
  readonly node: string | null;
  readonly clock: Pick<Clock, "now" | "monotonic" | "setTimeout">;
}

/**
 * Copies of the samples of this node's workers. With them, the last hour of a worker survives its end, by a reload or by a crash,
 * but for the last ten seconds before a crash.
 */
export class WorkerHours implements EndedProcesses {
  readonly #parts: WorkerHoursParts;
  /** By process id. */
  readonly #copies = new Map<number, Copy>();
  #timer: Timer | undefined;
  #ticks = 0;

  constructor(parts: WorkerHoursParts, former: readonly WorkerHour[] = []) {
    this.#parts = parts;
    for (const { pid, samples, ...worker } of former) {
      const ring = new SampleRing();
      ring.addAll(samples);
      this.#copies.set(pid, { ...worker, ring });
    }
  }

  start(): void {
    this.#timer = this.#parts.clock.setTimeout(
      () => {
        const isDue = this.#ticks++ % copiesPerSample === 0;
        if (isDue || this.#workers().some(({ state }) => state.isDraining)) void this.#copyAll();
        this.start();
      },
      alignedDelay(this.#parts.clock, drainingMs),
    );
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  ended(after: number): readonly ProcessStats[] {
    const { node } = this.#parts;
    return this.#endedCopies().map(([, { id, name, ring }]) => {
      return { id, name, ...(node === null ? {} : { node }), ended: true, ...ring.columns(after) };
    });
  }

  dump(): readonly WorkerHour[] {
    return Array.from(this.#copies, ([pid, { id, name, ring }]) => ({ pid, id, name, samples: ring.since(0) }));
  }

  async #copyAll(): Promise<void> {
    await Promise.all(this.#workers().map((it) => this.#copy(it)));
    const from = this.#parts.clock.now() / 1000 - hourS;
    for (const [pid, { ring }] of this.#copies) {
      ring.forgetBefore(from);
      if (ring.newest === 0) this.#copies.delete(pid);
    }
    const ended = this.#endedCopies().toSorted(([, a], [, b]) => b.ring.newest - a.ring.newest);
    for (const [pid] of ended.slice(maxEnded)) this.#copies.delete(pid);
  }

  async #copy({ id, state: { pid, name } }: Member): Promise<void> {
    const ring = this.#copies.get(pid)?.ring ?? new SampleRing();
    this.#copies.set(pid, { id, name, ring });
    ring.addAll(await readSamples(this.#parts.peers, id, ring.newest));
  }

  #workers(): readonly Member[] {
    const { peers, node } = this.#parts;
    return peers.others().filter(({ state }) => state.isSupervisor !== true && (state.node ?? null) === node);
  }

  #endedCopies(): readonly (readonly [pid: number, copy: Copy])[] {
    const running = new Set(this.#workers().map(({ state }) => state.pid));
    return [...this.#copies].filter(([pid]) => !running.has(pid));
  }
}
