import { ServiceError } from "../../protocol/errors.ts";

/** How many connections there may be. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
  readonly maxConnectionsPerUser: number;
}

/** A place that was given to somebody on their way in; given back with `leave`. */
export interface Seat {
  readonly ip: string;
  readonly userId: string | undefined;
}

/**
 * Counts who is in or on the way in. The place is taken before the handshake is answered, so that a storm of handshakes
 * cannot pass a limit together.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #perIp = new Map<string, number>();
  readonly #perUser = new Map<string, number>();
  #taken = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /**
   * @param isContinued it takes the place of a connection of the same user: that is not one more
   * @throws ServiceError "full" or "rate-limited"
   */
  enter(seat: Seat, isContinued = false): void {
    const { maxConnections, maxConnectionsPerIp, maxConnectionsPerUser } = this.#limits;
    const ofUser = seat.userId === undefined ? 0 : (this.#perUser.get(seat.userId) ?? 0);
    if (this.#taken >= maxConnections) {
      throw new ServiceError("full", `the server has all of its ${maxConnections} connections`, { retryAfterMs: 5000 });
    }
    if ((this.#perIp.get(seat.ip) ?? 0) >= maxConnectionsPerIp) {
      throw new ServiceError("rate-limited", `at most ${maxConnectionsPerIp} connections per address`, {
        retryAfterMs: 5000,
      });
    }
    if (ofUser >= maxConnectionsPerUser && !isContinued) {
      throw new ServiceError("rate-limited", `at most ${maxConnectionsPerUser} connections per user`, {
        retryAfterMs: 5000,
      });
    }
    this.#taken++;
    count(this.#perIp, seat.ip, 1);
    if (seat.userId !== undefined) count(this.#perUser, seat.userId, 1);
  }

  leave(seat: Seat): void {
    this.#taken--;
    count(this.#perIp, seat.ip, -1);
    if (seat.userId !== undefined) count(this.#perUser, seat.userId, -1);
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}
