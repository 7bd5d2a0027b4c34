import { type About, json } from "../../api/about/about.ts";
import { flag, type JsonSchema, list, object, text, whole } from "../../api/about/json-schema.ts";
import { channelName } from "../../api/about/schemas.ts";
import { figureTable } from "../../ops/figures.ts";

const column = (description: string): JsonSchema => ({ type: "array", description, items: { type: "number" } });

const process = object(
  {
    id: text("The id of the process. It changes with each restart."),
    name: text("Such as `worker 2`."),
    at: list("When each sample was taken, oldest first.", whole("Unix time in seconds, a multiple of the interval.")),
    figures: object(
      {},
      Object.fromEntries(
        Object.entries(figureTable).map(([name, { help }]) => [name, column(`${help} One per sample.`)]),
      ),
    ),
    refusals: {
      type: "object",
      description: "Refusals during the last hour, by error code.",
      additionalProperties: whole("How many."),
    },
  },
  {
    node: text("The machine, if there are several."),
    ended: flag("The process has ended, and its supervisor has its samples."),
  },
);

export const aboutStats: About = {
  tag: "operations",
  details:
    "Each process takes a sample every 10 s, and keeps those of the last hour. The samples of a worker that has ended are kept by its supervisor; a server without one takes them with it. The samples of all processes have the same times, so figures can be added up. `messages_per_s` of a channel is measured since the last request for these figures.",
  parameters: [
    {
      name: "after",
      in: "query",
      description: "Only newer samples: Unix time in seconds.",
      schema: whole("Unix time in seconds."),
      example: 1767225600,
    },
  ],
  answers: {
    200: {
      description:
        "The figures of every process, and of the channels with subscribers up to 20 with the most messages per second and up to 20 with the most subscribers.",
      contents: json(
        object({
          interval_s: whole("Seconds between two samples."),
          processes: list("The processes.", process),
          channels: list(
            "The busiest channels first, and then the others with the most subscribers.",
            object(
              {
                channel: channelName,
                messages_per_s: { type: "number", description: "Publications per second." },
                subscribers: whole("Connections in the channel."),
              },
              { messages: whole("Messages in its history. Not with Redis, which does not count them.") },
            ),
          ),
        }),
        {
          one: {
            interval_s: 10,
            processes: [
              {
                id: "m_8fK2nQ",
                name: "worker 1",
                at: [1767225600, 1767225610],
                figures: { connections: [3, 4], messages_per_s: [0.5, 12.1] },
                refusals: { unauthorized: 2 },
              },
            ],
            channels: [{ channel: "room:1", messages_per_s: 11.8, subscribers: 4, messages: 1000 }],
          },
        },
      ),
    },
  },
  errors: ["bad-request"],
};
