import { type ChannelName, channelNameRuleFor, parseChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { JsonText } from "../../protocol/publication.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { ChannelDirectory } from "../broker/broker.ts";
import type { Hub } from "../hub/hub.ts";

/** What the verbs may use. */
export interface ApiDependencies {
  readonly hub: Hub;
  readonly access: Access;
  /** Every channel that is known anywhere. */
  readonly directory: ChannelDirectory;
}

/** One request, read and let in already. */
export interface Call {
  /** Whose token let it in; undefined for an API key, which may do whatever its scopes say. */
  readonly identity: Identity | undefined;
  /** Parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** "" where there is none. */
  readonly body: string;
  readonly contentType: string;
  readonly idempotencyKey: string | undefined;
  /** Counts further messages of a request whose one message is counted. @throws ServiceError "rate-limited" */
  readonly charge: (messages: number) => void;
}

export interface Reply {
  readonly status: number;
  readonly body: JsonText;
}

/** What a verb is: refusals are thrown as ServiceError. */
export type Verb = (dependencies: ApiDependencies, call: Call) => Promise<Reply>;

export function ok(value: unknown): Reply {
  return { status: 200, body: JSON.stringify(value) };
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
