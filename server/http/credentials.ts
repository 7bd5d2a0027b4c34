import { ServiceError } from "../../protocol/errors.ts";
import type { Endpoint } from "../api/endpoints.ts";
import type { Access } from "../auth/access.ts";
import type { ApiKeys, KeyHeaders } from "../auth/api-key.ts";
import { bearerOf } from "../auth/bearer.ts";
import type { Identity } from "../auth/identity.ts";

/** Whom requests are let in by. */
export interface Doorkeepers {
  readonly keys: Pick<ApiKeys, "check">;
  readonly access: Access;
}

/** RFC 7519: three parts with dots between them. */
const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Lets a request pass by an API key, or by a user's token where the endpoint takes one: for clients that cannot hold a
 * WebSocket open and say over HTTP what they would have said there.
 * @returns the user's identity, whose permissions the verb checks; undefined for a key, or where none is needed
 * @throws ServiceError "unauthorized" or "forbidden"
 */
export async function enter(
  headers: KeyHeaders,
  { scope, forClients }: Pick<Endpoint, "scope" | "forClients">,
  { keys, access }: Doorkeepers,
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
