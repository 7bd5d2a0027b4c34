import { isoTime } from "../../protocol/codec.ts";
import { texts } from "../../protocol/texts.ts";
import type { Clock } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import type { Connections } from "./connections.ts";

/** How long one socket may take to let its buffer go before it is closed all the same. */
const flushMs = 5000;
/** How often buffers are looked at, and how far apart the batches of closing are. */
const tickMs = 20;
/** Closes per tick, unless there are so many that they would not fit into `flushMs`. */
const batchSize = 100;

export interface DrainSettings {
  /** Milliseconds over which clients are asked to come back. */
  readonly drainWindowMs: number;
  /** Whether clients are waited for, or moved at their slots. */
  readonly drainMode: "wait" | "move";
  /** Milliseconds from the signal to the end of patience. */
  readonly shutdownTimeoutMs: number;
}

/** How clients are sent away. */
export interface DrainManner {
  readonly mode: "wait" | "move";
  /** Whether there is another worker or node for them to go to. */
  readonly hasSuccessor: boolean;
}

/** Whom draining works with. */
export interface DrainParts {
  readonly connections: Connections;
  /** Sends out what waits in the flush window. */
  flush(): void;
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
}

/** What became of the connections, for the last line of the log. */
export interface DrainReceipt {
  readonly initial: number;
  /** Went by themselves. */
  readonly left: number;
  /** Closed at their slots. */
  readonly moved: number;
  /** Closed at the deadline or by a second signal. */
  readonly forced: number;
  /** Waited in buffers that nobody read any more. */
  readonly unflushedBytes: number;
  /** Closes in the busiest second. */
  readonly maxCloseRate: number;
}

/**
 * Sends the connections of one worker away: tells each its own moment inside the window, so that they do not all come back
 * at once; then waits, or moves them at their moments; in the end closes what is left, flushed first.
 */
export class Drain {
  readonly #settings: DrainSettings;
  readonly #parts: DrainParts;
  #announcedAt: number | undefined;
  #manner: DrainManner;
  /** Those who were told, or closed without it. */
  readonly #counted = new WeakSet<Session>();
  #counts = { initial: 0, moved: 0, forced: 0, unflushedBytes: 0 };
  #closesInSecond = { second: 0, closes: 0, most: 0 };

  constructor(settings: DrainSettings, parts: DrainParts) {
    this.#settings = settings;
    this.#manner = { mode: settings.drainMode, hasSuccessor: false };
    this.#parts = parts;
  }

  /** Whether newcomers are told that they will have to go. */
  get isAnnounced(): boolean {
    return this.#announcedAt !== undefined;
  }

  /** Milliseconds until the rest is closed. */
  get leftMs(): number {
    const { clock } = this.#parts;
    const passed = this.#announcedAt === undefined ? 0 : clock.monotonic() - this.#announcedAt;
    return Math.max(0, this.#settings.shutdownTimeoutMs - passed);
  }

  /** The time begins to run: from now on who comes is told after the welcome. Idempotent, but for a manner that differs. */
  announce(manner?: DrainManner): void {
    this.#announcedAt ??= this.#parts.clock.monotonic();
    this.#manner = manner ?? this.#manner;
  }

  /** Tells every client that was not told yet. Idempotent. */
  begin(): void {
    this.announce();
    for (const session of this.#parts.connections.all()) if (session.isWelcomed) this.#tell(session);
  }

  /** Somebody was welcomed. */
  greet(session: Session): void {
    if (this.isAnnounced) this.#tell(session);
  }

  /** Closes whatever is left in random order. Resolves when all are gone, and after `withinMs` at the latest. */
  async closeRest(withinMs = flushMs): Promise<void> {
    const { clock, connections, flush, random } = this.#parts;
    const until = clock.monotonic() + withinMs;
    const sessions = Array.from(connections.all(), (session) => ({ session, order: random() }));
    sessions.sort((a, b) => a.order - b.order);
    const perTick = Math.max(batchSize, Math.ceil((sessions.length * tickMs * 2) / withinMs));
    const closing: Promise<void>[] = [];
    for (let from = 0; from < sessions.length; from += perTick) {
      flush();
      for (const { session } of sessions.slice(from, from + perTick)) {
        closing.push(this.#closeFlushed(session, "forced", until));
      }
      if (from + perTick < sessions.length) await clock.sleep(tickMs);
    }
    await Promise.all(closing);
    while (connections.size > 0 && clock.monotonic() < until) await clock.sleep(tickMs);
  }

  /** Closes everything at once: somebody is in a hurry. */
  closeAtOnce(): void {
    this.#parts.flush();
    for (const session of [...this.#parts.connections.all()]) this.#close(session, "forced");
  }

  get receipt(): DrainReceipt {
    const { initial, moved, forced, unflushedBytes } = this.#counts;
    return {
      initial,
      left: initial - moved - forced,
      moved,
      forced,
      unflushedBytes,
      maxCloseRate: this.#closesInSecond.most,
    };
  }

  #tell(session: Session): void {
    if (!this.#count(session)) return;
    const { clock, random } = this.#parts;
    const { drainWindowMs } = this.#settings;
    const { mode, hasSuccessor } = this.#manner;
    const slotMs = Math.round(random() * drainWindowMs);
    const deadlineMs = mode === "move" ? slotMs : Math.round(this.leftMs);
    session.sendFrame({
      type: "system",
      event: "draining",
      message: texts.draining(deadlineMs),
      deadline_ms: deadlineMs,
      reconnect_after_ms: slotMs,
      successor: hasSuccessor,
      timestamp: isoTime(clock.now()),
    });
    if (mode === "move") clock.setTimeout(() => void this.#move(session), slotMs);
  }

  async #move(session: Session): Promise<void> {
    this.#parts.flush();
    await this.#closeFlushed(session, "moved", this.#parts.clock.monotonic() + flushMs);
  }

  /** A socket that is closed with bytes in its buffer loses them when the process ends; one that lags is not done yet. */
  async #closeFlushed(session: Session, as: "moved" | "forced", until: number): Promise<void> {
    const { clock } = this.#parts;
    const isDone = () => session.closed !== undefined || (session.connection.buffered() === 0 && session.isLevel);
    while (!isDone() && clock.monotonic() < until) await clock.sleep(tickMs);
    this.#close(session, as);
  }

  #close(session: Session, as: "moved" | "forced"): void {
    if (session.closed !== undefined || this.#parts.connections.byId(session.id) === undefined) return;
    this.#count(session); // somebody in a hurry may close those who were told nothing
    this.#counts[as]++;
    this.#counts.unflushedBytes += session.connection.buffered();
    session.close({ name: "restarting" });
    const second = Math.floor(this.#parts.clock.monotonic() / 1000);
    if (second !== this.#closesInSecond.second) this.#closesInSecond = { ...this.#closesInSecond, second, closes: 0 };
    this.#closesInSecond.closes++;
    this.#closesInSecond.most = Math.max(this.#closesInSecond.most, this.#closesInSecond.closes);
  }

  /** Each session counts once. @returns whether it is new */
  #count(session: Session): boolean {
    if (this.#counted.has(session)) return false;
    this.#counted.add(session);
    this.#counts.initial++;
    return true;
  }
}
