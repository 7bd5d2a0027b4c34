import type { Peers } from "../cluster/peers.ts";
import type { Announcement, RosterChange } from "../cluster/roster.ts";
import type { Clock } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import type { Connections } from "./connections.ts";
import { Moves } from "./moves.ts";
import { Notices } from "./notices.ts";

/** Decides which of the connections that open and close, on any worker, the clients of this worker are notified of. */
export class Announcements {
  readonly #notices: Notices;
  readonly #moves: Moves;

  /** @param hasNotices whether clients are notified at all */
  constructor(hasNotices: boolean, connections: Connections, peers: Peers, clock: Clock) {
    this.#notices = new Notices(connections, () => peers.roster.online, clock);
    this.#moves = new Moves({
      clock,
      settled: () => peers.settled(),
      onGone: () => this.#notices.left(),
      onNew: (session) => this.#notices.joined(session),
    });
    if (hasNotices) peers.on("remoteChange", (change) => this.#changedElsewhere(change));
  }

  /** A session of this worker was welcomed. */
  opened(session: Session, announcement: Announcement): void {
    if (announcement === "pause") this.#moves.resumed(session);
    else if (announcement) this.#notices.joined(session);
  }

  /** A connection of this worker has ended. */
  ended(announcement: Announcement): void {
    if (announcement === "pause") this.#moves.ended();
    else if (announcement) this.#notices.left();
  }

  close(): void {
    this.#moves.close();
    this.#notices.close();
  }

  #changedElsewhere({ hasJoined, hasLeft, paused = 0, resumed = 0 }: RosterChange): void {
    if (hasJoined) this.#notices.joined();
    if (hasLeft) this.#notices.left();
    for (let count = 0; count < paused; count++) this.#moves.ended();
    for (let count = 0; count < resumed; count++) this.#moves.resumed();
  }
}
