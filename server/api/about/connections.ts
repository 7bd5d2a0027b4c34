import { type About, json, type Parameter } from "./about.ts";
import { flag, list, object, text, time, whole } from "./json-schema.ts";
import { channelName, pageOf, userId } from "./schemas.ts";

const connection = object(
  {
    id: text("The `connection_id` from its welcome frame."),
    remote: text("The client's address, as the server sees it."),
    connected_at: time("When it was opened."),
    channels: list("The channels it is subscribed to.", channelName),
    is_lagging: flag("Whether it is behind in a channel and catching up from history."),
    buffered_bytes: whole("Bytes buffered because the client reads too slowly."),
  },
  { user_id: userId },
);

const example = {
  id: "c_8fK2nQ",
  user_id: "alice",
  remote: "127.0.0.1:52341",
  connected_at: "2026-11-20T10:30:25.123Z",
  channels: ["all", "@alice", "room:1"],
  is_lagging: false,
  buffered_bytes: 0,
};

const closed = json(object({ closed: whole("The number of closed connections.") }), { one: { closed: 1 } });

export const aboutListConnections: About = {
  tag: "connections",
  parameters: [
    {
      name: "user_id",
      in: "query",
      description: "Only connections of this user.",
      schema: { type: "string" },
      example: "alice",
    },
    {
      name: "channel",
      in: "query",
      description: "Only connections in this channel.",
      schema: { type: "string" },
      example: "room:1",
    },
    {
      name: "id",
      in: "query",
      description: "Only the connection with this `connection_id`.",
      schema: { type: "string" },
      example: "c_8fK2nQ",
    },
    {
      name: "page",
      in: "query",
      description: "The `next_page` of the previous response.",
      schema: { type: "string", pattern: "^[0-9]{1,6}$" },
    },
  ],
  answers: {
    200: {
      description: "The connections, 100 per page.",
      contents: json(pageOf("connections", connection, { total: whole("The number of connections on all pages.") }), {
        one: { connections: [example], total: 1 },
      }),
    },
  },
  errors: ["bad-request"],
};

export const aboutKickConnection: About = {
  tag: "connections",
  details: "The connection is closed with 4504, so the client does not reconnect by itself.",
  parameters: [idParameter("The `connection_id` from its welcome frame.", "c_8fK2nQ")],
  answers: { 200: { description: "Closed.", contents: closed } },
  errors: ["not-found"],
};

export const aboutKickUser: About = {
  tag: "connections",
  details: "The connections are closed with 4504. It is not an error if the user has none.",
  parameters: [idParameter("The user.", "alice")],
  answers: { 200: { description: "The number of closed connections.", contents: closed } },
};

function idParameter(description: string, example: string): Parameter {
  return { name: "id", in: "path", required: true, description, schema: { type: "string", minLength: 1 }, example };
}
