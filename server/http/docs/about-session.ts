import { type About, json } from "../../api/about/about.ts";
import { flag, object, text, time, whole } from "../../api/about/json-schema.ts";
import { userId } from "../../api/about/schemas.ts";

export const aboutStartSession: About = {
  tag: "streams",
  credential: "user",
  details: `Takes a user's token as \`Authorization: Bearer\` and sets a cookie with it, so that an \`EventSource\` with \`withCredentials\`, a WebSocket handshake or \`fetch\` from a page is authenticated by the cookie. Send a new token before the old one expires; without a token, the one in the cookie is used again and the cookie lives as long as the token allows, at most a day.

The cookie is \`HttpOnly\`. Over https it is named \`__Host-fanfare\` and is \`Secure\`, over http it is named \`fanfare\`. A request that changes something, or opens a WebSocket, counts the cookie only with an \`Origin\` that is this server's own or named in \`CORS_ORIGINS\`.`,
  answers: {
    200: {
      description: "The cookie is in `Set-Cookie`.",
      contents: json(
        object({
          user: userId,
          expires_at: {
            anyOf: [time("When the token expires."), { type: "null" }],
            description: "When the token expires; null: never.",
          },
          cookie: text("The name of the cookie.", { enum: ["__Host-fanfare", "fanfare"] }),
          max_age_s: whole("Seconds until the browser deletes the cookie.", { maximum: 86_400 }),
        }),
        {
          one: { user: "alice", expires_at: "2026-11-20T22:30:30.000Z", cookie: "__Host-fanfare", max_age_s: 43_205 },
        },
      ),
    },
  },
  errors: ["bad-request", "unauthorized", "token-expired", "keys-unavailable", "rate-limited"],
};

export const aboutEndSession: About = {
  tag: "streams",
  details:
    "The browser deletes the cookie. Open connections stay open: close them in the page. To revoke the token everywhere, block its `jti` or the user.",
  answers: {
    200: {
      description: "`Set-Cookie` removes the cookie.",
      contents: json(object({ ended: flag("Whether the request had the cookie.") }), { one: { ended: true } }),
    },
  },
};
