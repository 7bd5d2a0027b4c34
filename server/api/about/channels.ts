import { limits } from "../../../protocol/limits.ts";
import { sinceRule } from "../../../protocol/position.ts";
import { type About, json, type Parameter } from "./about.ts";
import { flag, list, object, text, whole } from "./json-schema.ts";
import { channelName, epoch, gapReason, offset, pageOf, ref, userId } from "./schemas.ts";

export const channelParameter: Parameter = {
  name: "channel",
  in: "path",
  required: true,
  description: "The channel; a `/` in its name is written `%2F`.",
  schema: channelName,
  example: "room:1",
};

const page: Parameter = {
  name: "page",
  in: "query",
  description: "The `next_page` of an answer, to read on.",
  schema: { type: "string" },
};

const channel = object({
  channel: channelName,
  epoch,
  offset: { ...offset, description: "Its top: the last publication." },
  messages: whole("Publications that are kept of it."),
  connections: whole("Connections that are in it now."),
});

const example = { channel: "room:1", epoch: "q71m", offset: 18, messages: 12, connections: 3 };

export const aboutListChannels: About = {
  tag: "channels",
  parameters: [
    {
      name: "prefix",
      in: "query",
      description: "Only names that begin so.",
      schema: { type: "string" },
      example: "room:",
    },
    page,
  ],
  answers: {
    200: {
      description: "Sorted by name, 100 a page.",
      contents: json(pageOf("channels", channel), { one: { channels: [example] } }),
    },
  },
};

export const aboutGetChannel: About = {
  tag: "channels",
  parameters: [channelParameter],
  answers: { 200: { description: "The channel.", contents: json(channel, { one: example }) } },
  errors: ["bad-request", "not-found"],
};

export const aboutGetHistory: About = {
  tag: "channels",
  details: `Oldest first, from \`since\` on; without \`since\` the last \`limit\`. An answer is bounded in bytes too: ask again with the last message's position to read on.`,
  parameters: [
    channelParameter,
    {
      name: "since",
      in: "query",
      description: `A cursor \`channel~epoch~offset\` that names the channel, or ${sinceRule}.`,
      schema: { type: "string", maxLength: limits.cursorBytes },
      example: "earliest",
    },
    {
      name: "limit",
      in: "query",
      description: "How many at most.",
      schema: { type: "integer", minimum: 1, maximum: limits.historyLimit, default: limits.historyDefault },
      example: 20,
    },
  ],
  answers: {
    200: {
      description: "What is kept.",
      contents: json(
        object(
          {
            channel: channelName,
            epoch,
            offset: { ...offset, description: "The channel's top." },
            complete: flag("Nothing is missing between `since` and the first message."),
            messages: list("Oldest first.", ref("Message"), { maxItems: limits.historyLimit }),
          },
          { reason: gapReason },
        ),
        {
          one: {
            channel: "room:1",
            epoch: "q71m",
            offset: 1,
            complete: true,
            messages: [
              {
                type: "message",
                channel: "room:1",
                offset: 1,
                id: "m-1",
                timestamp: "2026-11-20T10:30:25.123Z",
                message: "hi",
              },
            ],
          },
        },
      ),
    },
  },
  errors: ["bad-request", "too-many-channels", "broker-unavailable"],
};

export const aboutGetPresence: About = {
  tag: "channels",
  details: `\`users\` holds at most ${limits.presenceUsers} of them; ask again with \`page\` for the rest. With a user's token it is left out where the token has no grant for the channel and no rule has \`presence: on\`. Where a rule has \`presence: off\` the answer is \`forbidden\`.`,
  parameters: [channelParameter, page],
  answers: {
    200: {
      description: "Who is there now.",
      contents: json(
        object(
          { channel: channelName, count: whole("Connections in the channel.") },
          {
            users: list("A page of the users among them, sorted, each once.", userId, {
              maxItems: limits.presenceUsers,
            }),
            next_page: text("For `page`, to read on; absent at the end."),
          },
        ),
        { two: { channel: "room:1", count: 3, users: ["alice", "bob"] } },
      ),
    },
  },
  errors: ["bad-request"],
};
