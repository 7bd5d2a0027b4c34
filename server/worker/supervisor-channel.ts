import { systemClock, type Timer } from "../lib/clock.ts";
import { SteadyLink } from "../lib/link/steady-link.ts";
import { type Order, ordersProtocol, type Report } from "./orders.ts";

/** Callbacks of the channel to the supervisor. */
export interface SupervisorChannelEvents {
  onOrder(order: Order): void;
  /** There is no supervisor any more. */
  onLost(reason: string): void;
}

/**
 * Carries the messages between a worker and its supervisor. At first it uses the channel that the runtime opens with each
 * process. When the supervisor is replaced by a new program, that channel ends, and the worker connects to the new one
 * through a socket.
 */
export class SupervisorChannel {
  readonly #events: SupervisorChannelEvents;
  #link: SteadyLink | undefined;
  #deadline: Timer | undefined;
  /** Whether the supervisor is being replaced. */
  #isRejoining = false;

  constructor(events: SupervisorChannelEvents) {
    this.#events = events;
    process.on("message", (order: Order) => events.onOrder(order));
    process.on("disconnect", () => {
      if (!this.#isRejoining && this.#link === undefined) events.onLost("its process has ended");
    });
  }

  get isRejoining(): boolean {
    return this.#isRejoining;
  }

  /** Whether reports reach a supervisor. */
  get isOpen(): boolean {
    return this.#link === undefined ? process.connected : this.#link.link !== undefined;
  }

  send(report: Report): void {
    if (this.#link?.link !== undefined) this.#link.link.send(JSON.stringify(report));
    else {
      try {
        if (process.connected) process.send?.(report);
      } catch {
        // The supervisor is dying. The event "disconnect" follows.
      }
    }
  }

  /** The supervisor is about to be replaced by one that listens on this path. If it does not within this time, it is lost. */
  rejoin(path: string, withinMs: number): void {
    this.#isRejoining = true;
    void this.#link?.close();
    const link = new SteadyLink(
      { path, protocol: ordersProtocol, name: String(process.pid) },
      {
        onOpen: () => {
          this.#link = link;
          this.#isRejoining = false;
          this.#deadline?.cancel();
        },
        onText: (text) => this.#events.onOrder(JSON.parse(text) as Order),
        onBreak: ({ reason }) => this.#lost(link, reason),
        onFailure: ({ reason, isRefusal }) => isRefusal && this.#lost(link, reason),
      },
    );
    this.#deadline = systemClock.setTimeout(() => this.#lost(link, "no other one has taken over"), withinMs);
    link.start();
  }

  #lost(link: SteadyLink, reason: string): void {
    if (this.#isRejoining && this.#link === link) return; // the next one is on its way
    void link.close();
    this.#isRejoining = false;
    this.#events.onLost(reason);
  }
}
