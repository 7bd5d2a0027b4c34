import { limits } from "../../../protocol/limits.ts";
import { sinceWords } from "../../../protocol/position.ts";
import { type About, json, type Parameter } from "./about.ts";
import { flag, list, object, whole } from "./json-schema.ts";
import { channelName, epoch, gapReason, offset, pageOf, presenceExample, presencePage, ref } from "./schemas.ts";

export const channelParameter: Parameter = {
  name: "channel",
  in: "path",
  required: true,
  description: "The channel. Encode a `/` in its name as `%2F`.",
  schema: channelName,
  example: "room:1",
};

const page: Parameter = {
  name: "page",
  in: "query",
  description: "The `next_page` of the previous response.",
  schema: { type: "string" },
};

const channel = object({
  channel: channelName,
  epoch,
  offset: { ...offset, description: "The offset of the last publication." },
  messages: whole("The number of publications in its history."),
  connections: whole("The number of connections subscribed to it."),
});

const example = { channel: "room:1", epoch: "q71m", offset: 18, messages: 12, connections: 3 };

export const aboutListChannels: About = {
  tag: "channels",
  parameters: [
    {
      name: "prefix",
      in: "query",
      description: "Only channels whose name begins with this.",
      schema: { type: "string" },
      example: "room:",
    },
    page,
  ],
  answers: {
    200: {
      description: "The channels, sorted by name, 100 per page.",
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
  details: `Returns the messages after \`since\`, oldest first; without \`since\`, the last \`limit\` messages. The size of a response is limited in bytes too. To read on, pass the position of the last message as \`since\`.`,
  parameters: [
    channelParameter,
    {
      name: "since",
      in: "query",
      description: `A cursor \`channel~epoch~offset\` that names the channel, ${sinceWords}.`,
      schema: { type: "string", maxLength: limits.cursorBytes },
      example: "earliest",
    },
    {
      name: "limit",
      in: "query",
      description: "The maximum number of messages.",
      schema: { type: "integer", minimum: 1, maximum: limits.historyLimit, default: limits.historyDefault },
      example: 20,
    },
  ],
  answers: {
    200: {
      description: "The messages.",
      contents: json(
        object(
          {
            channel: channelName,
            epoch,
            offset: { ...offset, description: "The offset of the last publication." },
            complete: flag(
              "Whether no message is missing between `since` and the first one returned. The page may end before `offset`: read on from its last message.",
            ),
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
  errors: ["bad-request", "too-many-channels", "broker-unavailable", "hook-unavailable"],
};

export const aboutGetPresence: About = {
  tag: "channels",
  details: `A page contains at most ${limits.presenceMembers} connections; use \`page\` to read the rest. With a user's token, only \`count\` is present unless the token has a grant for the channel or a channel rule says \`presence: on\`. With \`presence: off\` the response is the error \`forbidden\`. In channels with \`presence_events: on\`, \`position\` is the last event that is part of the page.`,
  parameters: [channelParameter, { ...page, description: "The `next` of the previous response." }],
  answers: {
    200: {
      description: "The connections and users in the channel.",
      contents: json(
        object({ channel: channelName, count: whole("The number of connections in the channel.") }, presencePage),
        { two: presenceExample },
      ),
    },
  },
  errors: ["bad-request", "invalid-field", "broker-unavailable", "hook-unavailable"],
};
