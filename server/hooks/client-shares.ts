/** How much a queue, or a client's part of it, may hold. */
export interface QueueSize {
  readonly events: number;
  readonly bytes: number;
}

/** The part of a queue that the events of one client may take. */
const share = 1 / 4;

/**
 * Counts the events of each client in a queue. Its share is limited: a client that reconnects again and again would
 * otherwise fill the queue, and the events of all others would be dropped. One event always fits.
 */
export class ClientShares {
  readonly #room: QueueSize;
  readonly #held = new Map<string, QueueSize>();

  constructor({ events, bytes }: QueueSize) {
    this.#room = { events: Math.max(1, Math.floor(events * share)), bytes: bytes * share };
  }

  /** Counts an event. @returns false, without counting it, if there is no room for it */
  add(client: string, bytes: number): boolean {
    const held = this.#held.get(client);
    const events = (held?.events ?? 0) + 1;
    const total = (held?.bytes ?? 0) + bytes;
    if (held !== undefined && (events > this.#room.events || total > this.#room.bytes)) return false;
    this.#held.set(client, { events, bytes: total });
    return true;
  }

  /** An event was sent or dropped. */
  remove(client: string, bytes: number): void {
    const held = this.#held.get(client);
    if (held === undefined || held.events <= 1) this.#held.delete(client);
    else this.#held.set(client, { events: held.events - 1, bytes: held.bytes - bytes });
  }

  /** Number of clients with events in the queue. */
  get size(): number {
    return this.#held.size;
  }
}
