import type { JsonText } from "../../protocol/publication.ts";
import { type Grants, noGrants } from "./grants.ts";

/** The user of a connection and what its token allows. Made by `Access.identify`. */
export interface Identity {
  /** The user, or undefined for a connection without one. */
  readonly userId: string | undefined;
  /** Empty without a token. */
  readonly grants: Grants;
  /** When the token expires, in milliseconds since 1970; undefined if it does not expire or there is no token. */
  readonly expiresAtMs: number | undefined;
  /** Set if a token proves who the user is. */
  readonly token?: TokenFacts;
  /** Information that others may see about the user: the token's claim `info`. At most `limits.infoBytes`. */
  readonly info?: JsonText;
}

/** The verified token of an identity. */
export interface TokenFacts {
  /** Its claim `jti`, by which it can be blocked. */
  readonly id: string | undefined;
  /** Its claim `iat`, in milliseconds since 1970. */
  readonly issuedAtMs: number | undefined;
}

/** A connection without a user and without a token. */
export const anonymous: Identity = { userId: undefined, grants: noGrants, expiresAtMs: undefined };
