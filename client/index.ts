/** The SDK: docs/client.md. */
export type { AckFrame, GapReason, PresenceFrame, PresenceMember, SystemFrame } from "../protocol/frames.ts";
export type { Position } from "../protocol/position.ts";
export type { Channel, HistoryOptions, PublishOptions } from "./channel.ts";
export type { ChannelEvents, ChannelOptions, Message, State } from "./channel-options.ts";
export { type Client, type ClientEvents, type ClientOptions, createClient } from "./client.ts";
export { ClientError, type ClientErrorCode } from "./client-error.ts";
export type { Presence } from "./presence.ts";
export type { Gap } from "./progress.ts";
export type { Schema } from "./schema.ts";
export type { ConnectionState } from "./state.ts";
