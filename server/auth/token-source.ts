import { ServiceError } from "../../protocol/errors.ts";
import { bearerOf } from "./bearer.ts";

/** The three places of a request that can carry a token. */
export interface TokenPlaces {
  /** The query: `token=`. */
  readonly url: { get(name: string): string | null };
  /** The header: `Bearer <jwt>`. Other schemes are for proxies and are ignored. */
  readonly authorization: string | null;
  /** The offered subprotocols. `fanfare.token.<jwt>` is for browsers, which cannot set headers. */
  readonly subprotocols: readonly string[];
}

/**
 * The token of a request, or undefined. An empty token counts as none. The same token may be sent twice.
 * @throws ServiceError "bad-request" for two different tokens, because the server cannot know which one is meant
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

/** The prefix of a token's subprotocol. The server never selects it, because the response would repeat the token. */
export const tokenSubprotocol = "fanfare.token.";
