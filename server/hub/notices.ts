import { isoTime } from "../../protocol/codec.ts";
import { texts } from "../../protocol/texts.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import { announce } from "./announce.ts";
import type { Connections } from "./connections.ts";

/** The minimum time between two notices of one kind. */
const intervalMs = 1000;

/** How long the client of a stream that the server ended may take to resume before it counts as gone. */
const resumeMs = 3000;
/** How long a resumed client waits for the news of its end, which arrives later if that was on another, busy worker. */
const reorderMs = 1000;

/**
 * Announces joins and leaves to everyone. The first is sent at once; those within the next second are combined into one
 * notice with the current count. A thousand joins per second to ten thousand clients would be ten million frames.
 *
 * A stream that ends for its age and a stream that resumes cancel each other out: the count is the same, and nobody came or
 * left. Notices name nobody, so it does not matter whether the two are the same client's.
 */
export class Notices {
  readonly #connections: Connections;
  readonly #online: () => number;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  /** In the order in which they are due. */
  readonly #paused: Timer[] = [];
  readonly #resumed: Timer[] = [];
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

  /** The server ended a stream so that its client resumes. `left` follows only if none does. */
  paused(): void {
    this.#cancelOut(this.#resumed, this.#paused, resumeMs, () => this.left());
  }

  /** A client resumes. `joined` follows only if no stream was paused. @param session as for `joined` */
  resumed(session?: Session): void {
    this.#cancelOut(this.#paused, this.#resumed, reorderMs, () => this.joined(session));
  }

  close(): void {
    for (const timer of [...this.#paused, ...this.#resumed]) timer.cancel();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #cancelOut(opposite: Timer[], own: Timer[], waitMs: number, announceIt: () => void): void {
    const matched = opposite.shift();
    if (matched !== undefined) {
      matched.cancel();
      return;
    }
    const dueFirst = () => {
      own.shift(); // all wait equally long
      announceIt();
    };
    own.push(this.#clock.setTimeout(dueFirst, waitMs));
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
