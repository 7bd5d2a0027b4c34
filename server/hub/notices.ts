import { isoTime } from "../../protocol/codec.ts";
import { texts } from "../../protocol/texts.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import { announce } from "./announce.ts";
import type { Connections } from "./connections.ts";

/** How often notices of one kind go out at most. */
const gatherMs = 1000;

/**
 * Tells everyone who came and who left. Gathered: the first at once, what follows within a second as one notice with the
 * count as it is then. A thousand joins a second to ten thousand clients would be ten million frames.
 */
export class Notices {
  readonly #connections: Connections;
  readonly #online: () => number;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #newest: Session | undefined;
  #hasJoined = false;
  #hasLeft = false;

  /** @param online connections of the whole server */
  constructor(connections: Connections, online: () => number, clock: Clock) {
    this.#connections = connections;
    this.#online = online;
    this.#clock = clock;
  }

  /** @param session The newcomer, if it is one of this worker's: its welcome has told it already. */
  joined(session?: Session): void {
    this.#hasJoined = true;
    this.#newest = session;
    this.#tellOrWait();
  }

  left(): void {
    this.#hasLeft = true;
    this.#tellOrWait();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tellOrWait(): void {
    if (this.#timer !== undefined) return;
    this.#tell();
    this.#timer = this.#clock.setTimeout(this.#waited, gatherMs);
  }

  readonly #waited = (): void => {
    this.#timer = undefined;
    if (this.#hasJoined || this.#hasLeft) this.#tellOrWait();
  };

  #tell(): void {
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
