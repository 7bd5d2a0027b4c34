import { getLogger } from "@logtape/logtape";
import { ServiceError } from "../../protocol/errors.ts";
import type { Settings } from "../config/settings.ts";
import type { DrainMethod, DrainReceipt } from "../hub/drain.ts";
import type { Clock } from "../lib/clock.ts";
import type { Parts } from "./compose.ts";

/** How often conditions are checked while waiting. */
const tickMs = 20;
/** Interval of the log lines that say how many clients are left. */
const reportMs = 5000;
/** A busy publisher may already be sending its next request on a kept-alive connection. */
const keptAliveMs = 500;
/** How long to wait for publications in flight. */
const inFlightMs = 2000;
/** What everything after the deadline may take: closing what is left, and the runtime's last bytes. */
const restMs = 4700;
/** The part of it in which the runtime may send its last bytes. */
const lastBytesMs = 1000;

const log = () => getLogger(["fanfare", "stop"]);

/** What stopping needs to know of the settings. */
export interface StopSettings extends Pick<Settings, "drainDelayMs" | "drainWindowMs" | "shutdownTimeoutMs"> {
  /** Whether a person at a terminal can press Ctrl+C. */
  readonly hasTerminal: boolean;
}

/** What became of the connections, as the last line of the log says it. */
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

/** What is stopped, and the part of the HTTP server that has to do with it. */
export interface StopParts extends Pick<Parts, "hub" | "drain"> {
  readonly http: Pick<Parts["http"], "closesConnections" | "mayBeKeptAlive" | "stopListening" | "pending" | "close">;
}

/** The last line. */
export function logReceipt(receipt: StopReceipt): void {
  log().info(`Stopped: ${JSON.stringify(receipt).replaceAll(/([{}])/g, "$1$1")}`, { ...receipt });
}

/**
 * Ends one worker in order: lame-duck, closing, waiting, deadline, finalizing (docs/operate.md has the table). Every step
 * has a bound, and `hurry` ends whatever is being waited for.
 */
export class Stop {
  readonly #settings: StopSettings;
  readonly #parts: StopParts;
  readonly #clock: Clock;
  #isHurried = false;
  /** By `clock.monotonic`: when nobody is waited for any more. */
  #limitAt = Number.POSITIVE_INFINITY;

  constructor(settings: StopSettings, parts: StopParts, clock: Clock) {
    this.#settings = settings;
    this.#parts = parts;
    this.#clock = clock;
  }

  /** Resolves when no connection is left, and nothing that was accepted is on its way any more. */
  async run(method?: DrainMethod): Promise<StopReceipt> {
    const { drain, http, hub } = this.#parts;
    const began = this.#clock.monotonic();
    this.#announce(method);
    http.closesConnections = true;
    // Who moves its clients away has no use for new ones, and another may wait for the port.
    const delayMs = method?.mode === "move" ? 0 : this.#settings.drainDelayMs;
    await this.#until(() => false, Math.max(delayMs, http.mayBeKeptAlive ? keptAliveMs : 0));

    http.stopListening();
    hub.reception.closedBecause = new ServiceError("draining", "the server is shutting down");
    await this.#until(() => hub.inFlight === 0, inFlightMs);

    drain.notifyAll();
    await this.#waitForClients();
    if (hub.connections.size > 0 && !this.#isHurried) await drain.closeRest(restMs - lastBytesMs);
    await this.#until(() => http.pending === 0, lastBytesMs, "to the end");
    http.close();
    return receiptOf(this.#parts.drain.receipt, this.#clock.monotonic() - began);
  }

  /** Closes everything that is left, now. */
  hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    log().warning("Stopping now: closing {clients} client(s)", { clients: this.#parts.hub.connections.size });
    this.#parts.drain.closeAtOnce();
  }

  /** Patience ends in so many milliseconds, if it does not end before. */
  limit(ms: number): void {
    this.#limitAt = Math.min(this.#limitAt, this.#clock.monotonic() + ms);
  }

  /** Until the rest are closed. */
  get #leftMs(): number {
    return Math.max(0, Math.min(this.#parts.drain.leftMs, this.#limitAt - this.#clock.monotonic()));
  }

  #announce(method: DrainMethod | undefined): void {
    const { drain, hub } = this.#parts;
    drain.announce(method);
    const { drainWindowMs, shutdownTimeoutMs } = this.#settings;
    const patienceMs = method?.mode === "move" ? drainWindowMs : shutdownTimeoutMs;
    const properties = { clients: hub.connections.size, seconds: Math.ceil(patienceMs / 1000) };
    const wayOut = this.#settings.hasTerminal ? " (Ctrl+C again stops now)" : "";
    if (hub.connections.size === 0) log().info("Shutting down: no clients are connected");
    else {
      const sentence = "Shutting down: {clients} client(s) are connected and have {seconds} s to leave";
      log().info(`${sentence}${wayOut}`, properties);
    }
  }

  async #waitForClients(): Promise<void> {
    const { hub } = this.#parts;
    while (hub.connections.size > 0 && this.#leftMs > 0 && !this.#isHurried) {
      const isOver = () => hub.connections.size === 0 || this.#leftMs === 0;
      await this.#until(isOver, Math.min(reportMs, this.#leftMs));
      const clients = hub.connections.size;
      if (clients === 0 || this.#isHurried) return;
      const seconds = Math.ceil(this.#leftMs / 1000);
      if (seconds === 0) log().info("The time is over: closing {clients} client(s)", { clients });
      else
        log().info("Waiting for {clients} client(s) to leave; the rest are closed in {seconds} s", {
          clients,
          seconds,
        });
    }
  }

  /** @param patience "to the end": somebody in a hurry does not end it */
  async #until(isDone: () => boolean, ms: number, patience?: "to the end"): Promise<void> {
    const until = this.#clock.monotonic() + ms;
    while (!isDone() && this.#clock.monotonic() < until && (patience !== undefined || !this.#isHurried)) {
      await this.#clock.sleep(tickMs);
    }
  }
}

function receiptOf(receipt: DrainReceipt, durationMs: number): StopReceipt {
  const { initial, left, moved, forced, unflushedBytes, maxCloseRate } = receipt;
  const rest = { unflushed_bytes: unflushedBytes, duration_ms: Math.round(durationMs), max_close_rate: maxCloseRate };
  return { initial, left, moved, forced, ...rest };
}
