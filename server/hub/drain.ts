import { isoTime } from "../../protocol/codec.ts";
import { texts } from "../../protocol/texts.ts";
import type { Clock } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import type { Connections } from "./connections.ts";

/** How long to wait for a socket's buffer to drain before closing it anyway. */
const flushMs = 5000;
/** How often buffers are checked, and the pause between two batches of closes. */
const tickMs = 20;
/** Closes per tick, unless so many connections remain that this would take longer than `flushMs`. */
const batchSize = 100;

export interface DrainSettings {
  /** The window over which clients are asked to reconnect. Milliseconds. */
  readonly drainWindowMs: number;
  /** `wait` for clients to leave, or `move` each at its own time. */
  readonly drainMode: "wait" | "move";
  /** From the signal until remaining connections are closed. Milliseconds. */
  readonly shutdownTimeoutMs: number;
}

/** How a drain is carried out. */
export interface DrainMethod {
  readonly mode: "wait" | "move";
  /** Whether another worker or node accepts connections. */
  readonly hasSuccessor: boolean;
}

/**
 * In `move` mode, the time between a client's reconnect time and the end of its connection, milliseconds. A client that
 * first connects elsewhere needs it; otherwise everyone is told that it left and joined.
 */
const moveGraceMs = 1000;

/** What draining uses. */
export interface DrainParts {
  readonly connections: Connections;
  /** Flushes what is pending. */
  flush(): void;
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
}

/** What happened to the connections, for the last log line. */
export interface DrainReceipt {
  readonly initial: number;
  /** Disconnected by themselves. */
  readonly left: number;
  /** Closed at their reconnect time. */
  readonly moved: number;
  /** Closed at the deadline or because of a second signal. */
  readonly forced: number;
  /** Bytes left in buffers of clients that stopped reading. */
  readonly unflushedBytes: number;
  /** The most connections closed within one second. */
  readonly maxCloseRate: number;
}

/**
 * Drains the connections of one worker. Each client gets its own reconnect time within the window, so that they do not all
 * reconnect at once. Then the server waits for them to leave, or closes each at its time. At the deadline the remaining
 * connections are flushed and closed.
 */
export class Drain {
  readonly #settings: DrainSettings;
  readonly #parts: DrainParts;
  #announcedAt: number | undefined;
  #method: DrainMethod;
  /** Sessions that have been notified, or closed without a notice. */
  readonly #counted = new WeakSet<Session>();
  #counts = { initial: 0, moved: 0, forced: 0, unflushedBytes: 0 };
  #closesInSecond = { second: 0, closes: 0, most: 0 };

  constructor(settings: DrainSettings, parts: DrainParts) {
    this.#settings = settings;
    this.#method = { mode: settings.drainMode, hasSuccessor: false };
    this.#parts = parts;
  }

  /** Whether new clients are told about the drain. */
  get isAnnounced(): boolean {
    return this.#announcedAt !== undefined;
  }

  /** Milliseconds until the remaining connections are closed. */
  get leftMs(): number {
    const { clock } = this.#parts;
    const passed = this.#announcedAt === undefined ? 0 : clock.monotonic() - this.#announcedAt;
    return Math.max(0, this.#settings.shutdownTimeoutMs - passed);
  }

  /** Starts the countdown. From here on, clients that connect get the drain notice after the welcome. A later call can only change the method. */
  announce(method?: DrainMethod): void {
    this.#announcedAt ??= this.#parts.clock.monotonic();
    this.#method = method ?? this.#method;
  }

  /** Notifies every client that has not been notified yet. Idempotent. */
  notifyAll(): void {
    this.announce();
    for (const session of this.#parts.connections.all()) if (session.isWelcomed) this.#notify(session);
  }

  /** Notifies a client that was just welcomed. */
  notifyNew(session: Session): void {
    if (this.isAnnounced) this.#notify(session);
  }

  /** Closes all remaining connections in random order. Resolves when they are gone, or after `withinMs`. */
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

  /** Closes all connections at once, without waiting for buffers. */
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

  #notify(session: Session): void {
    if (!this.#count(session)) return;
    const { clock, random } = this.#parts;
    const { drainWindowMs } = this.#settings;
    const { mode, hasSuccessor } = this.#method;
    const graceMs = mode === "move" ? Math.min(moveGraceMs, drainWindowMs / 4) : 0;
    const slotMs = Math.round(random() * (drainWindowMs - graceMs));
    const deadlineMs = mode === "move" ? Math.round(slotMs + graceMs) : Math.round(this.leftMs);
    session.sendFrame({
      type: "system",
      event: "draining",
      message: texts.draining(deadlineMs),
      deadline_ms: deadlineMs,
      reconnect_after_ms: slotMs,
      successor: hasSuccessor,
      timestamp: isoTime(clock.now()),
    });
    if (mode === "move") clock.setTimeout(() => void this.#move(session), deadlineMs);
  }

  async #move(session: Session): Promise<void> {
    this.#parts.flush();
    await this.#closeFlushed(session, "moved", this.#parts.clock.monotonic() + flushMs);
  }

  /** Waits for the buffer first: bytes in it are lost when the process ends. A lagging session is not done either. */
  async #closeFlushed(session: Session, as: "moved" | "forced", until: number): Promise<void> {
    const { clock } = this.#parts;
    const isDone = () => session.closed !== undefined || (session.connection.buffered() === 0 && session.isLevel);
    while (!isDone() && clock.monotonic() < until) await clock.sleep(tickMs);
    this.#close(session, as);
  }

  #close(session: Session, as: "moved" | "forced"): void {
    if (session.closed !== undefined || this.#parts.connections.byId(session.id) === undefined) return;
    this.#count(session); // a second signal may close clients that were not notified
    this.#counts[as]++;
    this.#counts.unflushedBytes += session.connection.buffered();
    session.close({ name: "restarting" });
    const second = Math.floor(this.#parts.clock.monotonic() / 1000);
    if (second !== this.#closesInSecond.second) this.#closesInSecond = { ...this.#closesInSecond, second, closes: 0 };
    this.#closesInSecond.closes++;
    this.#closesInSecond.most = Math.max(this.#closesInSecond.most, this.#closesInSecond.closes);
  }

  /** Counts each session once. @returns whether it is new */
  #count(session: Session): boolean {
    if (this.#counted.has(session)) return false;
    this.#counted.add(session);
    this.#counts.initial++;
    return true;
  }
}
