import {
  type ChannelName,
  channelNameRuleFor,
  parseChannelName,
  parseUserId,
  userIdRuleFor,
} from "../../protocol/channel-name.ts";
import { type ErrorCode, ServiceError } from "../../protocol/errors.ts";
import type { JsonText } from "../../protocol/publication.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { ChannelDirectory } from "../broker/broker.ts";
import type { ChannelRule } from "../channels/rule.ts";
import type { Blocks } from "../hub/blocks.ts";
import type { Hub } from "../hub/hub.ts";
import type { Clock } from "../lib/clock.ts";
import type { Account } from "../limits/account.ts";
import { publisherOf } from "../limits/principal.ts";
import type { Schedules } from "../schedule/schedules.ts";

/** Dependencies of the handlers. */
export interface ApiDependencies {
  readonly hub: Hub;
  readonly access: Access;
  /** All known channels, of all workers and machines. */
  readonly directory: ChannelDirectory;
  readonly schedules: Schedules;
  /** The rule of the settings that applies to a channel, if there is one. */
  readonly ruleFor: (channel: ChannelName) => ChannelRule | undefined;
  readonly blocks: Pick<Blocks, "all" | "block" | "lift">;
  readonly clock: Pick<Clock, "now">;
}

/** A request whose body is read and whose credentials are checked. */
export interface Call {
  /** The user of the token; undefined for an API key, which may do whatever its scopes allow. */
  readonly identity: Identity | undefined;
  /** Whether an API key with the scope `read` was sent, or none is required. A function, because it hashes the key once more. */
  mayRead(): boolean;
  /** Path parameters, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** "" if there is no body. */
  readonly body: string;
  readonly headers: Pick<Headers, "get">;
  /** The span of the request, as a W3C `traceparent`. Set before the verb is called if it is traced. */
  traceparent?: string | undefined;
  /** The account that is charged. The request itself is already counted as one message. */
  readonly account: Account;
}

export interface Reply {
  readonly status: number;
  readonly body: JsonText;
  /** The parts of the request that were refused, while others were not. */
  readonly refusals?: readonly PartRefusal[];
}

/** A refused item of a batch, or one of several channels. */
export interface PartRefusal {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly channel?: ChannelName | undefined;
  readonly user?: string | undefined;
}

/** Handles a request. Throws a ServiceError for the error response. */
export type Verb = (dependencies: ApiDependencies, call: Call) => Reply | Promise<Reply>;

/** The client that stored data is charged to, as in `Draft.publisher`; undefined for an API key. */
export function publisherOfCall({ identity }: Pick<Call, "identity">): string | undefined {
  return identity && publisherOf({ userId: identity.userId, origin: { ip: "" } });
}

export function ok(value: unknown): Reply {
  return { status: 200, body: JSON.stringify(value) };
}

/** The same for a request of which parts may have been refused. */
export function okInParts(value: unknown, refusals: readonly PartRefusal[]): Reply {
  const reply = ok(value);
  return refusals.length === 0 ? reply : { ...reply, refusals };
}

/** @throws ServiceError "bad-request" */
export function channelParam(call: Call): ChannelName {
  const channel = parseChannelName(call.params.channel);
  if (channel !== undefined) return channel;
  const got = JSON.stringify(call.params.channel?.slice(0, 60));
  throw new ServiceError("bad-request", `channel: expected ${channelNameRuleFor(call.params.channel)}, got ${got}`, {
    field: "channel",
  });
}

/** The id of a user in the path or the query. @throws ServiceError "bad-request" */
export function userIdIn(field: "id" | "user", text: string): string {
  const userId = parseUserId(text);
  if (userId !== undefined) return userId;
  throw new ServiceError("bad-request", `${field}: expected ${userIdRuleFor(text)}`, { field });
}
