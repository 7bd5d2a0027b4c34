import { aboutGetChannel, aboutGetHistory, aboutGetPresence, aboutListChannels } from "./about/channels.ts";
import { aboutKickConnection, aboutKickUser, aboutListConnections } from "./about/connections.ts";
import { aboutExplain } from "./about/explain.ts";
import { aboutPostMessage, aboutPublish } from "./about/publish.ts";
import { aboutPush, aboutPushBatch } from "./about/push.ts";
import { aboutTrace } from "./about/trace.ts";
import { blockEndpoints } from "./block-endpoints.ts";
import { getChannel, getHistory, getPresence, listChannels } from "./channels.ts";
import { kickConnection, kickUser, listConnections } from "./connections.ts";
import type { Endpoint } from "./endpoint.ts";
import { explain } from "./explain.ts";
import { postMessage, publish } from "./publish.ts";
import { push } from "./push.ts";
import { pushBatch } from "./push-batch.ts";
import { scheduleEndpoints } from "./schedule-endpoints.ts";
import { trace } from "./trace.ts";

/** The push endpoints, whose paths can be configured. */
export function pushEndpoints(paths: { readonly ssePath: string; readonly sseBatchPath: string }): readonly Endpoint[] {
  return [
    {
      method: "POST",
      path: paths.ssePath,
      scope: "publish",
      summary: "Push one event to a user.",
      about: aboutPush,
      verb: push,
      publishes: true,
      warnsOfUnknown: true,
    },
    {
      method: "POST",
      path: paths.sseBatchPath,
      scope: "publish",
      summary: "Push a batch of events, each to one user.",
      about: aboutPushBatch,
      verb: pushBatch,
      publishes: true,
      warnsOfUnknown: true,
    },
  ];
}

/** The HTTP API, except for the push endpoints. */
export const endpoints: readonly Endpoint[] = [
  {
    method: "POST",
    path: "/v1/publish",
    scope: "publish",
    forClients: true,
    summary: "Publish a message to one or more channels or users.",
    about: aboutPublish,
    verb: publish,
    publishes: true,
  },
  {
    method: "POST",
    path: "/v1/channels/{channel}/messages",
    scope: "publish",
    forClients: true,
    summary: "Publish the request body to a channel.",
    about: aboutPostMessage,
    verb: postMessage,
    publishes: true,
  },
  {
    method: "GET",
    path: "/v1/channels",
    scope: "read",
    summary: "List channels.",
    about: aboutListChannels,
    verb: listChannels,
  },
  {
    method: "GET",
    path: "/v1/channels/{channel}",
    scope: "read",
    summary: "Get a channel.",
    about: aboutGetChannel,
    verb: getChannel,
  },
  {
    method: "GET",
    path: "/v1/channels/{channel}/history",
    scope: "read",
    forClients: true,
    summary: "Read a channel's history.",
    about: aboutGetHistory,
    verb: getHistory,
  },
  {
    method: "GET",
    path: "/v1/channels/{channel}/presence",
    scope: "read",
    forClients: true,
    summary: "Get a channel's presence: the connections and users in it.",
    about: aboutGetPresence,
    verb: getPresence,
  },
  {
    method: "GET",
    path: "/v1/explain",
    scope: "read",
    summary: "Explain what a user may do in a channel, and why.",
    about: aboutExplain,
    verb: explain,
  },
  {
    method: "GET",
    path: "/v1/connections",
    scope: "read",
    summary: "List open connections.",
    about: aboutListConnections,
    verb: listConnections,
  },
  {
    method: "DELETE",
    path: "/v1/connections/{id}",
    scope: "admin",
    summary: "Close one connection (4504).",
    about: aboutKickConnection,
    verb: kickConnection,
  },
  {
    method: "DELETE",
    path: "/v1/users/{id}/connections",
    scope: "admin",
    summary: "Close all connections of a user (4504).",
    about: aboutKickUser,
    verb: kickUser,
  },
  {
    method: "GET",
    path: "/v1/trace",
    scope: "read",
    summary: "Explain what became of a publication on each connection of a user.",
    about: aboutTrace,
    verb: trace,
  },
  ...blockEndpoints,
  ...scheduleEndpoints,
];
