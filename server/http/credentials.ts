import { ServiceError } from "../../protocol/errors.ts";
import type { Endpoint } from "../api/endpoint.ts";
import type { Access } from "../auth/access.ts";
import type { ApiKeys, KeyHeaders } from "../auth/api-key.ts";
import { bearerOf } from "../auth/bearer.ts";
import type { Identity } from "../auth/identity.ts";
import { Account } from "../limits/account.ts";
import type { Budgets } from "../limits/budgets.ts";
import { keyHeaders } from "./ops-routes.ts";
import type { SessionCookies } from "./session-cookie.ts";

/** The parts that check the credentials of a request. */
export interface Authenticators {
  readonly cookies: Pick<SessionCookies, "tokenOf">;
  readonly keys: Pick<ApiKeys, "check">;
  readonly access: Access;
  readonly budgets: Pick<Budgets, "accountOf" | "accountOfKey">;
}

/** The sender of a request, and the account that it is charged to. */
export interface Caller {
  /** The user, whose permissions the handler checks; undefined for a key, or if none is required. */
  readonly identity: Identity | undefined;
  readonly account: Account;
}

/** On an open server. */
const anyone: Caller = { identity: undefined, account: Account.unlimited };

/** RFC 7519: three parts with dots between them. */
const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Checks the API key of a request, or a user's token if the endpoint accepts tokens. Tokens are for clients that cannot use a
 * WebSocket and send their commands over HTTP: the user's limits are the same as over a WebSocket. A page can leave the token
 * to the browser's cookie. Synchronous for a key. On
 * an open server everyone may do what a key allows, and nobody is charged.
 * @throws ServiceError "unauthorized" or "forbidden", or rejects with it
 */
export function authenticate(
  request: Request,
  { scope, forClients }: Pick<Endpoint, "scope" | "forClients">,
  { keys, access, budgets, cookies }: Authenticators,
): Caller | Promise<Caller> {
  const headers = keyHeaders(request);
  try {
    const number = keys.check(headers, scope);
    return number === undefined ? anyone : { identity: undefined, account: budgets.accountOfKey(number) };
  } catch (error) {
    const isNoKey = error instanceof ServiceError && error.code === "unauthorized";
    if (!isNoKey || !forClients) throw error;
    const token = tokenOf(request, headers, cookies);
    if (token === undefined || !jwt.test(token)) throw error;
    return byToken(token, access, budgets);
  }
}

/** A credential in a header counts more than the cookie, which the browser adds by itself. */
function tokenOf(request: Request, headers: KeyHeaders, cookies: Authenticators["cookies"]): string | undefined {
  const bearer = bearerOf(headers.authorization);
  return bearer === undefined && headers.xApiKey === null ? cookies.tokenOf(request) : bearer;
}

async function byToken(token: string, access: Access, budgets: Authenticators["budgets"]): Promise<Caller> {
  const identity = await access.identify({ userId: undefined, token });
  return { identity, account: budgets.accountOf({ userId: identity.userId, isProven: true, ip: "" }) };
}
