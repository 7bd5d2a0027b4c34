import { type Explanation, sources } from "../explanation.ts";
import { type About, json } from "./about.ts";
import { flag, object, shape, text } from "./json-schema.ts";
import { channelName, userId } from "./schemas.ts";

/** The header with the token to judge. `Authorization` has the caller's own key. */
export const userTokenHeader = "X-User-Token";

const parts = [
  {
    granted: flag("Whether the client has the right. For presence: whether it sees the users."),
    source: text(
      "What the decision is based on: a grant, a channel rule, a default, a setting, a hook, a block, or the server itself.",
      {
        enum: sources,
      },
    ),
    because: text("The reason, for people."),
  },
  {
    rule: text("The deciding rule, as it is written."),
    place: text("Where that is set: the rule and its line in the settings file, the claim, or the setting."),
  },
] as const;

const explanation = shape<Explanation>(...parts);

const presence = object(
  {
    ...parts[0],
    sees: text("The part of the channel's presence that the client sees.", { enum: ["users", "count", "nothing"] }),
  },
  parts[1],
);

const byGrant: Explanation = {
  granted: true,
  source: "token",
  rule: '"room:*"',
  place: "the token's claim subscribe or channels",
  because: "the token grants it",
};

export const aboutExplain: About = {
  tag: "channels",
  details: `With \`${userTokenHeader}\` the response is about a client with that token, otherwise about one without a token. The subscribe hook is asked, the connect hook is not. The words of \`rule\`, \`place\` and \`because\` are for people and may change.`,
  parameters: [
    {
      name: "user",
      in: "query",
      description: "The user. Default: the user of the token or, without one, a client without a user.",
      schema: userId,
      example: "alice",
    },
    {
      name: "channel",
      in: "query",
      required: true,
      description: "The channel.",
      schema: channelName,
      example: "room:1",
    },
    { name: userTokenHeader, in: "header", description: "A user's token to judge.", schema: { type: "string" } },
  ],
  answers: {
    200: {
      description: "Each right, and the rule that decides about it.",
      contents: json(
        object(
          {
            channel: channelName,
            mode: text("Whether any credential is configured.", { enum: ["open", "secured"] }),
            rights: object({
              connect: explanation,
              subscribe: explanation,
              publish: explanation,
              history: explanation,
              presence,
            }),
          },
          { user: userId },
        ),
        {
          one: {
            channel: "room:1",
            user: "alice",
            mode: "secured",
            rights: {
              connect: { granted: true, source: "token", because: "the token is valid until 2026-11-20T22:30:25.000Z" },
              subscribe: byGrant,
              publish: {
                granted: false,
                source: "rule",
                rule: 'match: "room:*", publish: nobody',
                place: "channels[1] (fanfare.config.yaml, line 12)",
                because: "no client may, whatever its token",
              },
              history: byGrant,
              presence: { ...byGrant, sees: "users" },
            },
          },
        },
      ),
    },
  },
  errors: ["invalid-field"],
};
