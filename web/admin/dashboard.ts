import { type Signal, signal } from "@preact/signals";
import { Api, ApiError, keyMemory } from "./api.ts";
import type { DrainReport } from "./drain-text.ts";
import { type LiveRow, type NodeReport, type NodesAt, rowsOf } from "./figures.ts";
import { LastHour, type StatsReport } from "./last-hour.ts";

/** Milliseconds between two requests for the live figures. */
const pollMs = 2000;
/** The charts get a new point every ten seconds. */
const pollsPerStats = 5;

/** The data of the page, as signals, and the loop that keeps it current while the page is visible. */
export class Dashboard {
  readonly api = new Api(keyMemory.read());
  readonly rows = signal<readonly LiveRow[]>([]);
  /** Changes with each answer; `lastHour` has the values. */
  readonly hourVersion = signal(0);
  readonly channels = signal<StatsReport["channels"]>([]);
  readonly drain = signal<DrainReport | undefined>(undefined);
  /** Why there is nothing new; empty if all is well. */
  readonly problem = signal("");
  /** The channel that is looked at, and a number that grows each time one is chosen. */
  readonly channel = signal({ name: "", chosen: 0 });
  readonly needsKey: Signal<boolean>;
  readonly hasData = signal(false);
  lastHour = new LastHour();
  #before: NodesAt | undefined;
  #polls = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPolling = false;

  /** @param options `needsKey`: the server accepts no request without one */
  constructor(options: { readonly needsKey: boolean }) {
    this.needsKey = signal(options.needsKey && !this.api.hasKey);
  }

  start(): void {
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.#poll();
    });
    void this.#poll();
  }

  useKey(key: string): void {
    keyMemory.write(key);
    this.api.useKey(key);
    this.needsKey.value = false;
    this.#polls = 0;
    void this.#poll();
  }

  /** Shows the channel in its section. */
  lookAt(name: string): void {
    this.channel.value = { name, chosen: this.channel.value.chosen + 1 };
  }

  /** Forgets the key, and everything that it allowed to see. */
  forgetKey(): void {
    keyMemory.write("");
    this.api.useKey("");
    this.lastHour = new LastHour();
    this.#before = undefined;
    this.rows.value = [];
    this.channels.value = [];
    this.drain.value = undefined;
    this.hasData.value = false;
    this.problem.value = "";
    this.needsKey.value = true;
  }

  async #poll(): Promise<void> {
    if (this.#isPolling || this.needsKey.value) return;
    clearTimeout(this.#timer);
    this.#isPolling = true;
    try {
      await this.#read();
      this.problem.value = "";
    } catch (error) {
      const isAboutKey = error instanceof ApiError && error.isAboutKey;
      // Without a key, the form that asks for one says enough.
      this.problem.value = isAboutKey && !this.api.hasKey ? "" : problemText(error);
      if (isAboutKey) this.needsKey.value = true;
    }
    this.#isPolling = false;
    if (!this.needsKey.value && !document.hidden) this.#timer = setTimeout(() => void this.#poll(), pollMs);
  }

  async #read(): Promise<void> {
    const [{ nodes }, drain] = await Promise.all([
      this.api.get<{ nodes: readonly NodeReport[] }>("v1/nodes"),
      this.api.get<DrainReport>("v1/drain"),
    ]);
    const now = { nodes, at: performance.now() };
    if (this.#polls % pollsPerStats === 0) await this.#readStats();
    this.#polls++;
    if (this.needsKey.value) return; // the key was removed meanwhile
    this.drain.value = drain;
    this.rows.value = rowsOf(this.#before, now);
    this.#before = now;
    this.hasData.value = true;
  }

  async #readStats(): Promise<void> {
    const read = (after: number) => this.api.get<StatsReport>(`v1/stats?after=${after}`);
    const newer = await read(this.lastHour.newest);
    const stats = this.lastHour.isPartOf(newer) ? await read(0) : newer;
    this.lastHour.add(stats);
    this.channels.value = stats.channels;
    this.hourVersion.value++;
  }
}

/** The text for a failed request. */
export function problemText(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return "The server cannot be reached. Trying again.";
}
