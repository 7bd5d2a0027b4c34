import { type Grants, noGrants } from "./grants.ts";

/** Who a connection belongs to and what a token allows it, as the door (`Access.identify`) found it. */
export interface Identity {
  /** The user, or undefined for a connection without one. */
  readonly userId: string | undefined;
  /** Empty for whoever came without a token. */
  readonly grants: Grants;
  /** Unix time in milliseconds from which on the token is refused; undefined: it does not expire, or there is none. */
  readonly expiresAtMs: number | undefined;
}

/** A connection without a user and without a token. */
export const anonymous: Identity = { userId: undefined, grants: noGrants, expiresAtMs: undefined };
