import type { Scope } from "../auth/api-key.ts";
import type { Operation } from "./about/about.ts";
import { aboutGetChannel, aboutGetHistory, aboutGetPresence, aboutListChannels } from "./about/channels.ts";
import { aboutKickConnection, aboutKickUser, aboutListConnections } from "./about/connections.ts";
import { aboutPostMessage, aboutPublish } from "./about/publish.ts";
import { aboutPush, aboutPushBatch } from "./about/push.ts";
import type { Verb } from "./call.ts";
import { getChannel, getHistory, getPresence, listChannels } from "./channels.ts";
import { kickConnection, kickUser, listConnections } from "./connections.ts";
import { postMessage, publish } from "./publish.ts";
import { push, pushBatch } from "./push.ts";

/** One row of the HTTP API. What `about` says is served at `/openapi.json` and `/docs`. */
export interface Endpoint extends Operation {
  readonly scope: Scope;
  readonly verb: Verb;
  /** Unknown fields and parameters are named in the answer instead of being refused. */
  readonly warnsOfUnknown?: true;
}

/** Pushing to users, under the paths that are configured. */
export function pushEndpoints(paths: { readonly ssePath: string; readonly sseBatchPath: string }): readonly Endpoint[] {
  return [
    {
      method: "POST",
      path: paths.ssePath,
      scope: "publish",
      summary: "Push one event to a user.",
      about: aboutPush,
      verb: push,
      warnsOfUnknown: true,
    },
    {
      method: "POST",
      path: paths.sseBatchPath,
      scope: "publish",
      summary: "Push many events, each to its user.",
      about: aboutPushBatch,
      verb: pushBatch,
      warnsOfUnknown: true,
    },
  ];
}

/** The HTTP API on one screen; pushing to users stands under paths that can be configured (http/routes.ts). */
export const endpoints: readonly Endpoint[] = [
  {
    method: "POST",
    path: "/v1/publish",
    scope: "publish",
    forClients: true,
    summary: "Publish into a channel, several, or to users.",
    about: aboutPublish,
    verb: publish,
  },
  {
    method: "POST",
    path: "/v1/channels/{channel}/messages",
    scope: "publish",
    forClients: true,
    summary: "Publish the body as a message: JSON becomes data, anything else message.",
    about: aboutPostMessage,
    verb: postMessage,
  },
  {
    method: "GET",
    path: "/v1/channels",
    scope: "read",
    summary: "List the channels that are known.",
    about: aboutListChannels,
    verb: listChannels,
  },
  {
    method: "GET",
    path: "/v1/channels/{channel}",
    scope: "read",
    summary: "One channel: its top, what is kept of it, who is in it.",
    about: aboutGetChannel,
    verb: getChannel,
  },
  {
    method: "GET",
    path: "/v1/channels/{channel}/history",
    scope: "read",
    forClients: true,
    summary: "What was published in a channel.",
    about: aboutGetHistory,
    verb: getHistory,
  },
  {
    method: "GET",
    path: "/v1/channels/{channel}/presence",
    scope: "read",
    forClients: true,
    summary: "Who is in a channel now.",
    about: aboutGetPresence,
    verb: getPresence,
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
];
