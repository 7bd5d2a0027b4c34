import { isoTime } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Access } from "../auth/access.ts";
import { bearerOf } from "../auth/bearer.ts";
import type { Clock } from "../lib/clock.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import type { Budgets } from "../limits/budgets.ts";
import { aboutEndSession, aboutStartSession } from "./docs/about-session.ts";
import { locationOf } from "./location.ts";
import type { PlainRoute } from "./plain-route.ts";
import { refuseBody } from "./refuse-body.ts";
import { respondJson } from "./respond.ts";
import type { SessionCookies } from "./session-cookie.ts";

/** The longest lifetime of a cookie, for tokens that are valid for longer. It can be renewed. Seconds. */
const longestS = 86_400;

/** Dependencies of the routes. */
export interface SessionParts {
  readonly access: Pick<Access, "identify">;
  readonly budgets: Pick<Budgets, "accountOf">;
  readonly cookies: SessionCookies;
  readonly clock: Pick<Clock, "now">;
}

/** The routes that set and clear the cookie with a user's token. */
export function sessionRoutes(parts: SessionParts): readonly PlainRoute[] {
  return [
    {
      method: "POST",
      path: "/v1/session",
      summary: "Store a user's token in a cookie, for EventSource.",
      about: aboutStartSession,
      answer: (request) => start(request, parts),
    },
    {
      method: "DELETE",
      path: "/v1/session",
      summary: "Remove the cookie.",
      about: aboutEndSession,
      answer: (request) => end(request, parts),
    },
  ];
}

async function start(request: Request, { access, budgets, cookies, clock }: SessionParts): Promise<Response> {
  refuseUnknownNames(locationOf(request).searchParams.keys(), [], "parameter");
  await refuseBody(request);
  const token = bearerOf(request.headers.get("Authorization")) ?? cookies.tokenOf(request);
  if (token === undefined) {
    throw new ServiceError("unauthorized", "a user's token is required: send it as Authorization: Bearer <token>");
  }
  cookies.check(request, token);
  const { userId, expiresAtMs } = await access.identify({ userId: undefined, token });
  budgets.accountOf({ userId, isProven: true, ip: "" }).charge("messages");
  const leftMs = expiresAtMs === undefined ? Number.POSITIVE_INFINITY : expiresAtMs - clock.now();
  const maxAgeS = Math.min(longestS, Math.max(0, Math.floor(leftMs / 1000)));
  const expires_at = expiresAtMs === undefined ? null : isoTime(expiresAtMs);
  const cookie = cookies.make(request, token, maxAgeS);
  return withCookie(cookie, { user: userId, expires_at, cookie: cookies.nameFor(request), max_age_s: maxAgeS });
}

async function end(request: Request, { cookies }: SessionParts): Promise<Response> {
  refuseUnknownNames(locationOf(request).searchParams.keys(), [], "parameter");
  await refuseBody(request);
  const hadCookie = cookies.tokenOf(request) !== undefined;
  return withCookie(cookies.clear(request), { ended: hadCookie });
}

function withCookie(cookie: string, body: object): Response {
  const response = respondJson(body);
  response.headers.append("Set-Cookie", cookie);
  return response;
}
