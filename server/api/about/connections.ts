import { type About, json, type Parameter } from "./about.ts";
import { flag, list, object, text, time, whole } from "./json-schema.ts";
import { channelName, pageOf, userId } from "./schemas.ts";

const connection = object(
  {
    id: text("The `connection_id` of its welcome."),
    remote: text("Its address, as the server sees it."),
    connected_at: time("When it came."),
    channels: list("What it is in.", channelName),
    is_lagging: flag("It is behind in a channel, and catches up from history."),
    buffered_bytes: whole("What waits for its socket."),
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

const closed = json(object({ closed: whole("How many were closed.") }), { one: { closed: 1 } });

export const aboutListConnections: About = {
  tag: "connections",
  parameters: [
    {
      name: "user_id",
      in: "query",
      description: "Only those of this user; for what is no user's id there are none.",
      schema: { type: "string" },
      example: "alice",
    },
    {
      name: "page",
      in: "query",
      description: "The `next_page` of an answer, to read on.",
      schema: { type: "string", pattern: "^[0-9]{1,6}$" },
    },
  ],
  answers: {
    200: {
      description: "100 a page.",
      contents: json(pageOf("connections", connection), { one: { connections: [example] } }),
    },
  },
  errors: ["bad-request"],
};

export const aboutKickConnection: About = {
  tag: "connections",
  details: "It is closed with 4504, after which a client does not come back by itself.",
  parameters: [idParameter("The `connection_id` of its welcome.", "c_8fK2nQ")],
  answers: { 200: { description: "Closed.", contents: closed } },
  errors: ["not-found"],
};

export const aboutKickUser: About = {
  tag: "connections",
  details: "They are closed with 4504. Closing none is no error: the user may have left a moment ago.",
  parameters: [idParameter("The user.", "alice")],
  answers: { 200: { description: "Closed, however many there were.", contents: closed } },
};

function idParameter(description: string, example: string): Parameter {
  return { name: "id", in: "path", required: true, description, schema: { type: "string", minLength: 1 }, example };
}
