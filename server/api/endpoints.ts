import type { Scope } from "../auth/api-key.ts";
import type { Verb } from "./call.ts";
import { getChannel, getHistory, getPresence, listChannels } from "./channels.ts";
import { kickConnection, kickUser, listConnections } from "./connections.ts";
import { postMessage, publish } from "./publish.ts";

/** One row of the HTTP API. */
export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As in OpenAPI: `/v1/channels/{channel}`. */
  readonly path: string;
  /** What a key must allow. */
  readonly scope: Scope;
  readonly summary: string;
  readonly verb: Verb;
}

/** The HTTP API on one screen; pushing to users stands under paths that can be configured (http/routes.ts). */
export const endpoints: readonly Endpoint[] = [
  {
    method: "POST",
    path: "/v1/publish",
    scope: "publish",
    summary: "Publish into a channel, several, or to users.",
    verb: publish,
  },
  {
    method: "POST",
    path: "/v1/channels/{channel}/messages",
    scope: "publish",
    summary: "Publish the body as a message: JSON becomes data, anything else message.",
    verb: postMessage,
  },
  {
    method: "GET",
    path: "/v1/channels",
    scope: "read",
    summary: "List the channels that are known.",
    verb: listChannels,
  },
  {
    method: "GET",
    path: "/v1/channels/{channel}",
    scope: "read",
    summary: "One channel: its top, what is kept of it, who is in it.",
    verb: getChannel,
  },
  {
    method: "GET",
    path: "/v1/channels/{channel}/history",
    scope: "read",
    summary: "What was published in a channel.",
    verb: getHistory,
  },
  {
    method: "GET",
    path: "/v1/channels/{channel}/presence",
    scope: "read",
    summary: "Who is in a channel now.",
    verb: getPresence,
  },
  { method: "GET", path: "/v1/connections", scope: "read", summary: "List open connections.", verb: listConnections },
  {
    method: "DELETE",
    path: "/v1/connections/{id}",
    scope: "admin",
    summary: "Close one connection (4504).",
    verb: kickConnection,
  },
  {
    method: "DELETE",
    path: "/v1/users/{id}/connections",
    scope: "admin",
    summary: "Close all connections of a user (4504).",
    verb: kickUser,
  },
];
