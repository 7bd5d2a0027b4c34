import { ServiceError } from "../../protocol/errors.ts";
import type { Endpoint } from "../api/endpoints.ts";
import type { Access } from "../auth/access.ts";
import type { ApiKeys, KeyHeaders } from "../auth/api-key.ts";
import { bearerOf } from "../auth/bearer.ts";
import type { Identity } from "../auth/identity.ts";

/** What checks the credentials of a request. */
export interface Authenticators {
  readonly keys: Pick<ApiKeys, "check">;
  readonly access: Access;
}

/** RFC 7519: three parts with dots between them. */
const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Checks the API key of a request, or a user's token if the endpoint accepts tokens. Tokens are for clients that cannot use a
 * WebSocket and send their commands over HTTP.
 * @returns the user's identity, whose permissions the handler checks; undefined for a key, or if none is required
 * @throws ServiceError "unauthorized" or "forbidden"
 */
export async function authenticate(
  headers: KeyHeaders,
  { scope, forClients }: Pick<Endpoint, "scope" | "forClients">,
  { keys, access }: Authenticators,
): Promise<Identity | undefined> {
  const token = bearerOf(headers.authorization);
  try {
    keys.check(headers, scope);
    return undefined;
  } catch (error) {
    const isNoKey = error instanceof ServiceError && error.code === "unauthorized";
    if (!isNoKey || !forClients || token === undefined || !jwt.test(token)) throw error;
  }
  return access.identify({ userId: undefined, token });
}
