import { ServiceError } from "../../protocol/errors.ts";

/** Connection limits. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
  readonly maxConnectionsPerUser: number;
}

/** A connection counted by `Admission`, from the handshake on; returned with `leave`. */
export interface Reservation {
  readonly ip: string;
  readonly userId: string | undefined;
}

/**
 * Counts connections against the limits. A connection is counted before its handshake is answered, so that concurrent
 * handshakes cannot exceed a limit together.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #elsewhere: (userId: string) => number;
  readonly #perIp = new Map<string, number>();
  readonly #perUser = new Map<string, number>();
  #count = 0;

  /** @param elsewhere how many connections a user has to other processes */
  constructor(limits: AdmissionLimits, elsewhere: (userId: string) => number = () => 0) {
    this.#limits = limits;
    this.#elsewhere = elsewhere;
  }

  /**
   * @param isContinued it replaces a connection of the same user, which is still open for a moment. So it may exceed the
   * limit of the user, but not twice the limit: a client that never lets its old connections end gains nothing.
   * @throws ServiceError "full" or "rate-limited"
   */
  enter(reservation: Reservation, isContinued = false): void {
    const { maxConnections, maxConnectionsPerIp, maxConnectionsPerUser } = this.#limits;
    const { userId } = reservation;
    const ofUser = userId === undefined ? 0 : (this.#perUser.get(userId) ?? 0) + this.#elsewhere(userId);
    if (this.#count >= maxConnections) {
      throw new ServiceError("full", `the server has reached its limit of ${maxConnections} connections`, {
        retryAfterMs: 5000,
      });
    }
    if ((this.#perIp.get(reservation.ip) ?? 0) >= maxConnectionsPerIp) {
      throw new ServiceError("rate-limited", `at most ${maxConnectionsPerIp} connections per address`, {
        retryAfterMs: 5000,
      });
    }
    if (ofUser >= maxConnectionsPerUser * (isContinued ? 2 : 1)) {
      throw new ServiceError("rate-limited", `at most ${maxConnectionsPerUser} connections per user`, {
        retryAfterMs: 5000,
      });
    }
    this.#count++;
    count(this.#perIp, reservation.ip, 1);
    if (reservation.userId !== undefined) count(this.#perUser, reservation.userId, 1);
  }

  leave(reservation: Reservation): void {
    this.#count--;
    count(this.#perIp, reservation.ip, -1);
    if (reservation.userId !== undefined) count(this.#perUser, reservation.userId, -1);
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}
