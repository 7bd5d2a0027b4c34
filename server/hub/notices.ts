import { isoTime } from "../../protocol/codec.ts";
import { texts } from "../../protocol/texts.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import { announce } from "./announce.ts";
import type { Connections } from "./connections.ts";

/** The minimum time between two notices of one kind. */
const intervalMs = 1000;

/**
 * Announces joins and leaves to everyone. The first is sent at once; those within the next second are combined into one
 * notice with the current count. A thousand joins per second to ten thousand clients would be ten million frames.
 */
export class Notices {
  readonly #connections: Connections;
  readonly #online: () => number;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #newest: Session | undefined;
  #hasJoined = false;
  #hasLeft = false;

  /** @param online the number of connections of the whole server */
  constructor(connections: Connections, online: () => number, clock: Clock) {
    this.#connections = connections;
    this.#online = online;
    this.#clock = clock;
  }

  /** @param session the new session if it is on this worker: its welcome has the count already */
  joined(session?: Session): void {
    this.#hasJoined = true;
    this.#newest = session;
    this.#sendOrWait();
  }

  left(): void {
    this.#hasLeft = true;
    this.#sendOrWait();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #sendOrWait(): void {
    if (this.#timer !== undefined) return;
    this.#send();
    this.#timer = this.#clock.setTimeout(this.#onTimer, intervalMs);
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    if (this.#hasJoined || this.#hasLeft) this.#sendOrWait();
  };

  #send(): void {
    const online = this.#online();
    const timestamp = isoTime(this.#clock.now());
    const sessions = this.#connections.all();
    if (this.#hasLeft) {
      announce(sessions, { type: "system", event: "left", message: texts.left(online), online, timestamp });
    }
    if (this.#hasJoined) {
      const frame = { type: "system", event: "joined", message: texts.joined(online), online, timestamp } as const;
      announce(this.#connections.all(), frame, this.#newest);
    }
    this.#hasJoined = false;
    this.#hasLeft = false;
    this.#newest = undefined;
  }
}
