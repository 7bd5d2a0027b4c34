import { type About, json, type Parameter } from "./about.ts";
import { object, shortText, text, time, whole } from "./json-schema.ts";
import { pageOf } from "./schemas.ts";

/** 400 days: how long changes are stored. */
export const maxBlockS = 400 * 86_400;
export const reasonLength = 200;
export const tokenIdLength = 256;

const kind = text("`user` or `token`.", { enum: ["user", "token"] });
const optional = {
  until: time("When the block expires. Absent: when it is lifted, or after 400 days."),
  reason: shortText("For operators. Clients do not see it.", reasonLength),
};
const block = object(
  { kind, id: text("The user, or the token's `jti`."), blocked_at: time("When it was blocked.") },
  optional,
);
const blocked = object(
  {
    kind,
    id: text("The user, or the token's `jti`."),
    blocked_at: time("When it was blocked."),
    closed: whole("The number of closed connections."),
  },
  optional,
);

export const blockRequest = object(
  {},
  {
    expires_in_s: whole("Seconds until the block expires.", { minimum: 1, maximum: maxBlockS }),
    reason: shortText("For operators.", reasonLength),
  },
);

const example = { kind: "user", id: "mallory", blocked_at: "2026-11-20T10:30:25.123Z", reason: "spam" };
const lifted = json(object({ lifted: text("The user, or the token's `jti`.") }), { one: { lifted: "mallory" } });

const details =
  "Applies on all workers and machines, over WebSocket, event streams and HTTP. Open connections are closed with 4504. It is stored " +
  "where the histories are kept: with `DATA_DIR` or Redis it outlives a restart.";

function aboutBlock(id: Parameter, what: string): About {
  return {
    tag: "connections",
    details: `${what} ${details}`,
    parameters: [id],
    request: json(blockRequest, { forever: {}, hour: { expires_in_s: 3600, reason: "spam" } }),
    answers: { 200: { description: "Blocked.", contents: json(blocked, { one: { ...example, closed: 2 } }) } },
    errors: ["bad-request", "bad-json", "invalid-field", "broker-unavailable"],
  };
}

function aboutLift(id: Parameter): About {
  return {
    tag: "connections",
    parameters: [id],
    answers: { 200: { description: "Lifted.", contents: lifted } },
    errors: ["bad-request", "not-found", "broker-unavailable"],
  };
}

const userId = idParameter("The user.", "mallory");
const tokenId = idParameter("The token's `jti`.", "5f0c");

export const aboutBlockUser = aboutBlock(userId, "The user cannot connect or send requests, whatever the token.");
export const aboutLiftUser = aboutLift(userId);
export const aboutBlockToken = aboutBlock(tokenId, "Tokens with this `jti` are refused.");
export const aboutLiftToken = aboutLift(tokenId);

export const aboutListBlocks: About = {
  tag: "connections",
  parameters: [
    {
      name: "page",
      in: "query",
      description: "The `next_page` of the previous response.",
      schema: { type: "string", pattern: "^[0-9]{1,6}$" },
    },
  ],
  answers: {
    200: {
      description: "The blocks in force, 100 per page.",
      contents: json(pageOf("blocks", block), { one: { blocks: [example] } }),
    },
  },
  errors: ["invalid-field"],
};

function idParameter(description: string, example: string): Parameter {
  return { name: "id", in: "path", required: true, description, schema: { type: "string", minLength: 1 }, example };
}
