import { getLogger } from "@logtape/logtape";
import { ServiceError } from "../../protocol/errors.ts";
import type { Settings } from "../config/settings.ts";
import type { DrainMethod, DrainReceipt } from "../hub/drain.ts";
import type { Clock } from "../lib/clock.ts";
import type { Parts } from "./compose.ts";

/** How often conditions are checked while waiting. */
const checkMs = 20;
/** The interval of the log lines that say how many clients are left. */
const reportMs = 5000;
/** A busy publisher may already be sending its next request on a connection that is kept alive. */
const keptAliveMs = 500;
/** How long to wait for publications in flight. */
const inFlightMs = 2000;
/** How long to wait for slots that are planned elsewhere. The supervisor plans earlier, even if a worker does not respond. */
const planMs = 5000;
/** The time for everything after the deadline: closing the remaining connections, and sending the last bytes. */
const afterDeadlineMs = 4700;
/** The part of it that is reserved for the last bytes. */
const lastBytesMs = 1000;

const log = () => getLogger(["fanfare", "stop"]);

/** The settings of a shutdown. */
export interface StopSettings extends Pick<Settings, "drainDelayMs" | "drainWindowMs" | "shutdownTimeoutMs"> {
  /** Whether the server runs in a terminal, where the user can press Ctrl+C. */
  readonly hasTerminal: boolean;
}

/** How the connections ended. The last log line contains it. */
export interface StopReceipt {
  readonly initial: number;
  readonly left: number;
  readonly moved: number;
  readonly forced: number;
  readonly unflushed_bytes: number;
  readonly duration_ms: number;
  /** Per second. */
  readonly max_close_rate: number;
}

/** The parts of a worker that a shutdown uses. */
export interface StopParts extends Pick<Parts, "hub" | "drain"> {
  readonly http: Pick<Parts["http"], "closesConnections" | "mayBeKeptAlive" | "stopListening" | "pending" | "close">;
  /**
   * Plans the slots of this worker's connections together with those of the node's other workers. Without it, or if it returns
   * undefined, the worker plans alone.
   */
  planSlots?(connections: number): Promise<readonly number[] | undefined>;
}

/** Writes the last log line. */
export function logReceipt(receipt: StopReceipt): void {
  log().info(`Stopped: ${JSON.stringify(receipt).replaceAll(/([{}])/g, "$1$1")}`, { ...receipt });
}

/**
 * Shuts down one worker, phase by phase: lame-duck, closing, waiting, finalizing (docs/operate.md has the table). Each phase
 * has a time limit, and `closeNow` ends the current one.
 */
export class Stop {
  readonly #settings: StopSettings;
  readonly #parts: StopParts;
  readonly #clock: Clock;
  #isHurried = false;
  /** When the server stops waiting for clients, by `clock.monotonic`. */
  #limitAt = Number.POSITIVE_INFINITY;

  constructor(settings: StopSettings, parts: StopParts, clock: Clock) {
    this.#settings = settings;
    this.#parts = parts;
    this.#clock = clock;
  }

  /** Resolves once all connections are closed and no request is in flight. */
  async run(method?: DrainMethod): Promise<StopReceipt> {
    const { drain, hub } = this.#parts;
    const began = this.#clock.monotonic();
    this.#announce(method);
    await this.#stopAccepting(method);
    const slots = await this.#plan();
    drain.phase = "waiting";
    drain.notifyAll(slots);
    await this.#waitForClients();
    drain.phase = "finalizing";
    if (hub.connections.size > 0 && !this.#isHurried) await drain.closeRest(afterDeadlineMs - lastBytesMs);
    await this.#sendLastBytes();
    drain.phase = "stopped";
    return receiptOf(drain.receipt, this.#clock.monotonic() - began);
  }

  /** Closes all remaining connections now. */
  closeNow(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    log().warning("Stopping now: closing {clients} client(s)", { clients: this.#parts.hub.connections.size });
    this.#parts.drain.closeAtOnce();
  }

  /** Sets the deadline to this many milliseconds from now, unless it is earlier already. */
  limit(ms: number): void {
    this.#limitAt = Math.min(this.#limitAt, this.#clock.monotonic() + ms);
  }

  /** Milliseconds until the remaining connections are closed. */
  get #leftMs(): number {
    return Math.max(0, Math.min(this.#parts.drain.leftMs, this.#limitAt - this.#clock.monotonic()));
  }

  #announce(method: DrainMethod | undefined): void {
    const { drain, hub } = this.#parts;
    drain.announce(method);
    if (method?.successor === "same-port") {
      // The server keeps running, and the supervisor reports the roll.
      log().debug("This worker is replaced: {clients} client(s) move", { clients: hub.connections.size });
      return;
    }
    const { drainWindowMs, shutdownTimeoutMs } = this.#settings;
    const allowedMs = method?.mode === "move" ? drainWindowMs : shutdownTimeoutMs;
    const properties = { clients: hub.connections.size, seconds: Math.ceil(allowedMs / 1000) };
    if (hub.connections.size === 0) {
      log().info("Shutting down: no clients are connected");
      return;
    }
    const hint = this.#settings.hasTerminal ? " (Ctrl+C again stops now)" : "";
    log().info(`Shutting down: {clients} client(s) are connected and have {seconds} s to leave${hint}`, properties);
  }

  /** Accepts clients for a while, then closes the listener and finishes requests in flight. */
  async #stopAccepting(method: DrainMethod | undefined): Promise<void> {
    const { drain, http, hub } = this.#parts;
    drain.phase = "lame-duck";
    http.closesConnections = true;
    const delayMs = method?.isUrgent === true ? 0 : this.#settings.drainDelayMs;
    await this.#waitUntil(() => false, Math.max(delayMs, http.mayBeKeptAlive ? keptAliveMs : 0));
    drain.phase = "closing";
    http.stopListening();
    hub.reception.closedBecause = new ServiceError("draining", "the server is shutting down");
    await this.#waitUntil(() => hub.inFlight === 0, inFlightMs);
  }

  /** The slots that were planned for this worker, if that happens in time. */
  async #plan(): Promise<readonly number[] | undefined> {
    const { hub, planSlots } = this.#parts;
    let slots: readonly number[] | undefined;
    let isPlanned = false;
    const planning = planSlots?.(hub.connections.size) ?? Promise.resolve(undefined);
    void planning.then((its) => {
      slots = its;
      isPlanned = true;
    });
    // Other workers may still have clients when this one has none.
    await this.#waitUntil(() => isPlanned || hub.connections.size === 0, planMs);
    return slots;
  }

  async #waitForClients(): Promise<void> {
    const { hub } = this.#parts;
    while (hub.connections.size > 0 && this.#leftMs > 0 && !this.#isHurried) {
      const isOver = () => hub.connections.size === 0 || this.#leftMs === 0;
      await this.#waitUntil(isOver, Math.min(reportMs, this.#leftMs));
      const clients = hub.connections.size;
      if (clients === 0 || this.#isHurried) return;
      const seconds = Math.ceil(this.#leftMs / 1000);
      if (seconds === 0) log().info("The deadline has passed: closing {clients} client(s)", { clients });
      else
        log().info("Waiting for {clients} client(s) to leave; the rest are closed in {seconds} s", {
          clients,
          seconds,
        });
    }
  }

  /** The runtime sends the bytes that it buffered for closed connections. An immediate stop waits for this too. */
  async #sendLastBytes(): Promise<void> {
    const { http } = this.#parts;
    const until = this.#clock.monotonic() + lastBytesMs;
    while (http.pending > 0 && this.#clock.monotonic() < until) await this.#clock.sleep(checkMs);
    http.close();
  }

  /** Returns when it is done, when the time is over, or when the server must stop now. */
  async #waitUntil(isDone: () => boolean, ms: number): Promise<void> {
    const until = this.#clock.monotonic() + ms;
    while (!isDone() && this.#clock.monotonic() < until && !this.#isHurried) await this.#clock.sleep(checkMs);
  }
}

function receiptOf(receipt: DrainReceipt, durationMs: number): StopReceipt {
  const { initial, left, moved, forced, unflushedBytes, maxCloseRate } = receipt;
  const rest = { unflushed_bytes: unflushedBytes, duration_ms: Math.round(durationMs), max_close_rate: maxCloseRate };
  return { initial, left, moved, forced, ...rest };
}
