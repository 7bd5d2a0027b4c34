import { ServiceError } from "../../protocol/errors.ts";
import { bearerOf } from "./bearer.ts";

/** The three places of a handshake or request where a token can stand. */
export interface TokenPlaces {
  /** The query: `token=`. */
  readonly url: { get(name: string): string | null };
  /** The header: `Bearer <jwt>`; other schemes belong to somebody in between and count as nothing. */
  readonly authorization: string | null;
  /** As offered, one by one: `fanfare.token.<jwt>`, for browsers, which can set no header. */
  readonly subprotocols: readonly string[];
}

/**
 * The token that came, or undefined. An empty one counts as none; the same one twice is fine.
 * @throws ServiceError "bad-request" for two different ones: which of them was meant is not for the server to guess.
 */
export function tokenFrom({ url, authorization, subprotocols }: TokenPlaces): string | undefined {
  const offered = subprotocols.filter((name) => name.startsWith(tokenSubprotocol));
  const found = [
    url.get("token"),
    bearerOf(authorization),
    ...offered.map((name) => name.slice(tokenSubprotocol.length)),
  ];
  const [token, ...others] = new Set(found.filter((it) => typeof it === "string" && it !== ""));
  if (others.length === 0) return token ?? undefined;
  throw new ServiceError("bad-request", "two different tokens: send one, as token=, Authorization or subprotocol");
}

/** What the subprotocol of a token begins with. Such a subprotocol is never the one chosen, since the answer repeats it. */
export const tokenSubprotocol = "fanfare.token.";
