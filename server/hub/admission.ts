import { ServiceError } from "../../protocol/errors.ts";
import { type PackedAddress, packAddress } from "../lib/packed-address.ts";

/** Connection limits. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
  readonly maxConnectionsPerUser: number;
}

/** A connection counted by `Admission`, from the handshake on. Either `opened` or `cancel` must follow. */
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
  readonly #openOf: (userId: string) => number;
  /** Packed, because an address that is a number takes no memory besides its entry. */
  readonly #perIp = new Map<PackedAddress, number>();
  /** Only those that are not open yet: a map of all users would take 130 bytes of each. */
  readonly #openingPerUser = new Map<string, number>();
  #count = 0;

  /** @param openOf how many open connections a user has, to this process and to others */
  constructor(limits: AdmissionLimits, openOf: (userId: string) => number) {
    this.#limits = limits;
    this.#openOf = openOf;
  }

  /**
   * @param isContinued it replaces a connection of the same user that is not closed yet. So it may exceed the limit of the
   * user, but not twice the limit, because a client could keep its old connections open.
   * @throws ServiceError "full" or "rate-limited"
   */
  enter(reservation: Reservation, isContinued = false): void {
    const { maxConnections, maxConnectionsPerIp, maxConnectionsPerUser } = this.#limits;
    const { userId } = reservation;
    const ip = packAddress(reservation.ip);
    const ofUser = userId === undefined ? 0 : (this.#openingPerUser.get(userId) ?? 0) + this.#openOf(userId);
    if (this.#count >= maxConnections) {
      throw new ServiceError("full", `the server has reached its limit of ${maxConnections} connections`, {
        retryAfterMs: 5000,
      });
    }
    if ((this.#perIp.get(ip) ?? 0) >= maxConnectionsPerIp) {
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
    count(this.#perIp, ip, 1);
    if (userId !== undefined) count(this.#openingPerUser, userId, 1);
  }

  /** How many more connections there may be. */
  get room(): number {
    return this.#limits.maxConnections - this.#count;
  }

  /** From now on `openOf` counts it. */
  opened({ userId }: Reservation): void {
    if (userId !== undefined) count(this.#openingPerUser, userId, -1);
  }

  /** It will not be opened. */
  cancel(reservation: Reservation): void {
    this.opened(reservation);
    this.leave(reservation.ip);
  }

  /** An open connection of this address was closed. */
  leave(ip: string): void {
    this.#count--;
    count(this.#perIp, packAddress(ip), -1);
  }
}

function count<K>(counts: Map<K, number>, key: K, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}
