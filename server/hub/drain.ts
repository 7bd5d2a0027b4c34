import type { CloseReason } from "../../protocol/close-codes.ts";
import { isoTime } from "../../protocol/codec.ts";
import { texts } from "../../protocol/texts.ts";
import type { Clock } from "../lib/clock.ts";
import { shuffled } from "../lib/shuffle.ts";
import type { Session } from "../session/session.ts";
import type { Connections } from "./connections.ts";
import { planSlots } from "./slot-plan.ts";

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
  /** Where clients can connect meanwhile: nowhere, at another node, or at new workers on the same port of this node. */
  readonly successor: "none" | "other-node" | "same-port";
  /** Whether DRAIN_DELAY is skipped: new workers are there already, or the history is gone. */
  readonly isUrgent?: boolean;
}

/** The steps of a shutdown, in order. */
export const drainPhases = ["running", "lame-duck", "closing", "waiting", "finalizing", "stopped"] as const;
export type DrainPhase = (typeof drainPhases)[number];

/**
 * In `move` mode, the time between a client's reconnect time and the end of its connection, milliseconds. A client that
 * first connects elsewhere needs it; otherwise everyone is told that it left and joined.
 */
const moveGraceMs = 1000;
/** When the client of an event stream that was moved should reconnect. Milliseconds. */
const soonMs = { from: 20, to: 100 };

/** The window that slots are planned in: in `move` mode, the last client needs its grace within DRAIN_WINDOW. Milliseconds. */
export function slotWindowMs(mode: DrainMethod["mode"], drainWindowMs: number): number {
  return drainWindowMs - graceMsOf(mode, drainWindowMs);
}

function graceMsOf(mode: DrainMethod["mode"], drainWindowMs: number): number {
  return mode === "move" ? Math.min(moveGraceMs, drainWindowMs / 4) : 0;
}

/** Dependencies of draining. */
export interface DrainParts {
  readonly connections: Connections;
  /** Flushes pending publications. */
  flush(): void;
  /** Called before a connection is closed; see `HubPresence.release`. */
  release(session: Session): Promise<void> | undefined;
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
}

/** How the connections ended, for the last log line. */
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
  /** Set by the code that stops the worker. */
  phase: DrainPhase = "running";
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
    this.#method = { mode: settings.drainMode, successor: "none" };
    this.#parts = parts;
  }

  /** Whether new clients are told about the drain. */
  get isAnnounced(): boolean {
    return this.#announcedAt !== undefined;
  }

  /** Milliseconds until the deadline. */
  get leftMs(): number {
    return Math.max(0, this.#settings.shutdownTimeoutMs - this.#passedMs);
  }

  /** Milliseconds until the remaining connections are closed: each at its time, or all at the deadline. */
  get closingMs(): number {
    if (this.#method.mode === "wait") return this.leftMs;
    return Math.min(this.leftMs, Math.max(0, this.#settings.drainWindowMs - this.#passedMs));
  }

  get #passedMs(): number {
    return this.#announcedAt === undefined ? 0 : this.#parts.clock.monotonic() - this.#announcedAt;
  }

  /** Starts the countdown. From here on, clients that connect get the drain notice after the welcome. A later call can only change the method. */
  announce(method?: DrainMethod): void {
    this.#announcedAt ??= this.#parts.clock.monotonic();
    this.#method = method ?? this.#method;
  }

  /** Whether clients that cannot use this worker any more are served on the same port. */
  get isReplaced(): boolean {
    return this.#method.successor === "same-port";
  }

  /**
   * Notifies every client that has not been notified yet. Idempotent.
   * @param planned the slots of this worker's connections, if they were planned for the whole node. A connection that the plan
   *   does not include gets a random slot.
   */
  notifyAll(planned?: readonly number[]): void {
    this.announce();
    const { connections, random } = this.#parts;
    const sessions = connections.all().filter((it) => it.isWelcomed && !this.#counted.has(it));
    const windowMs = this.#slotWindowMs;
    const slots = planned ?? planSlots([sessions.length], { windowMs, random })[0] ?? [];
    for (const [index, session] of shuffled(sessions, random).entries()) {
      this.#notify(session, slots[index] ?? Math.floor(random() * windowMs));
    }
  }

  /** Notifies a client that was just welcomed. */
  notifyNew(session: Session): void {
    if (this.isAnnounced) this.#notify(session, Math.floor(this.#parts.random() * this.#slotWindowMs));
  }

  /** Closes all remaining connections in random order. Resolves when they are gone, or after `withinMs`. */
  async closeRest(withinMs = flushMs): Promise<void> {
    const { clock, connections, flush, random } = this.#parts;
    const until = clock.monotonic() + withinMs;
    const sessions = shuffled(connections.all(), random);
    const perTick = Math.max(batchSize, Math.ceil((sessions.length * tickMs * 2) / withinMs));
    const closing: Promise<void>[] = [];
    for (let from = 0; from < sessions.length; from += perTick) {
      flush();
      for (const session of sessions.slice(from, from + perTick)) {
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
    for (const session of this.#parts.connections.all()) this.#close(session, "forced");
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

  get #slotWindowMs(): number {
    return slotWindowMs(this.#method.mode, this.#settings.drainWindowMs);
  }

  #notify(session: Session, slotMs: number): void {
    if (!this.#count(session)) return;
    const { clock } = this.#parts;
    const { mode, successor } = this.#method;
    const graceMs = graceMsOf(mode, this.#settings.drainWindowMs);
    const deadlineMs = Math.round(mode === "move" ? slotMs + graceMs : this.leftMs);
    session.sendFrame({
      type: "system",
      event: "draining",
      message: texts.draining(deadlineMs),
      deadline_ms: deadlineMs,
      reconnect_after_ms: slotMs,
      successor: successor !== "none",
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
    const releasing = this.#parts.release(session);
    if (releasing !== undefined) await releasing;
    while (!isDone() && clock.monotonic() < until) await clock.sleep(tickMs);
    this.#close(session, as);
  }

  #close(session: Session, as: "moved" | "forced"): void {
    if (session.closed !== undefined || this.#parts.connections.byId(session.id) === undefined) return;
    this.#count(session); // a second signal may close clients that were not notified
    this.#counts[as]++;
    this.#counts.unflushedBytes += session.connection.buffered();
    session.close(this.#reasonFor(as));
    const second = Math.floor(this.#parts.clock.monotonic() / 1000);
    if (second !== this.#closesInSecond.second) this.#closesInSecond = { ...this.#closesInSecond, second, closes: 0 };
    this.#closesInSecond.closes++;
    this.#closesInSecond.most = Math.max(this.#closesInSecond.most, this.#closesInSecond.closes);
  }

  /** The clients of a paced move can reconnect at once: their slots are spread, and another worker or node is there. */
  #reasonFor(as: "moved" | "forced"): CloseReason {
    if (as === "forced" || this.#method.successor === "none") return { name: "restarting" };
    return { name: "restarting", reconnectAfterMs: soonMs.from + this.#parts.random() * (soonMs.to - soonMs.from) };
  }

  /** Counts each session once. @returns whether it is new */
  #count(session: Session): boolean {
    if (this.#counted.has(session)) return false;
    this.#counted.add(session);
    this.#counts.initial++;
    return true;
  }
}
