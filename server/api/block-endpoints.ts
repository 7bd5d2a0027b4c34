import { aboutBlockToken, aboutBlockUser, aboutLiftToken, aboutLiftUser, aboutListBlocks } from "./about/blocks.ts";
import { blockToken, blockUser, liftToken, liftUser, listBlocks } from "./blocks.ts";
import type { Endpoint } from "./endpoint.ts";

/** The endpoints that block users and tokens. */
export const blockEndpoints: readonly Endpoint[] = [
  {
    method: "GET",
    path: "/v1/blocks",
    scope: "admin",
    summary: "List the blocked users and tokens.",
    about: aboutListBlocks,
    verb: listBlocks,
  },
  {
    method: "POST",
    path: "/v1/users/{id}/block",
    scope: "admin",
    summary: "Block a user.",
    about: aboutBlockUser,
    verb: blockUser,
  },
  {
    method: "DELETE",
    path: "/v1/users/{id}/block",
    scope: "admin",
    summary: "Lift the block of a user.",
    about: aboutLiftUser,
    verb: liftUser,
  },
  {
    method: "POST",
    path: "/v1/tokens/{id}/block",
    scope: "admin",
    summary: "Block a token.",
    about: aboutBlockToken,
    verb: blockToken,
  },
  {
    method: "DELETE",
    path: "/v1/tokens/{id}/block",
    scope: "admin",
    summary: "Lift the block of a token.",
    about: aboutLiftToken,
    verb: liftToken,
  },
];
