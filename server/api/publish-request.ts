import { type ChannelName, channelNameRuleFor, parseChannelName } from "../../protocol/channel-name.ts";
import * as fields from "../../protocol/fields.ts";
import { KnownFields } from "../../protocol/known-fields.ts";
import { limits } from "../../protocol/limits.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import { publishRequest } from "./about/publish.ts";
import { type DraftContent, parseDraftContent, userChannelField } from "./draft.ts";

/** The draft and the channels to publish it to. */
export interface PublishRequest {
  readonly targets: Targets;
  readonly draft: DraftContent;
}

/**
 * Parses the fields of `POST /v1/publish`, except those that say when.
 * @throws ServiceError "invalid-field" that names field and rule
 */
export function parsePublishRequest(object: fields.Fields): PublishRequest {
  refuseUnknownNames(fields.unknownIn(object), publishFields, "field");
  return { targets: parseTargets(object), draft: parseDraftContent(object) };
}

/** When to publish instead of now: members of a publish request that make it a schedule. */
export const timeFields = ["at", "delay_s"] as const;

const publishFields = Object.keys(publishRequest.properties ?? {});

/** For `parseObject`. */
export const knownPublishFields = new KnownFields(publishFields);

export interface Targets {
  readonly channels: readonly ChannelName[];
  /** The request has `channel` or `user_id`, so the response is one receipt and not a list. */
  readonly isOne: boolean;
}

const targetFields = ["channel", "channels", "user_id", "user_ids"] as const;

function parseTargets(object: fields.Fields): Targets {
  const given = targetFields.filter((field) => object[field] !== undefined && object[field] !== null);
  const [field] = given;
  if (field === undefined || given.length > 1) {
    const got = given.length === 0 ? undefined : given.join(" and ");
    throw fields.invalid("channel", "one of channel, channels, user_id or user_ids", got);
  }
  const value = object[field];
  if (field === "channel") return { channels: [fields.channelField(object)], isOne: true };
  if (field === "user_id") return { channels: [userChannelField(value)], isOne: true };
  const rule = `an array of 1 to ${limits.publishTargets} `;
  if (!Array.isArray(value)) throw fields.invalid(field, rule, value);
  if (value.length === 0 || value.length > limits.publishTargets) throw fields.invalid(field, rule, value.length);
  const parse = field === "channels" ? channelElement : (element: unknown) => userChannelField(element, "user_ids");
  const channels = value.map(parse);
  if (new Set(channels).size < channels.length) {
    const repeated = channels.find((it, at) => channels.indexOf(it) < at);
    throw fields.invalid(field, "each target only once", repeated);
  }
  return { channels, isOne: false };
}

function channelElement(value: unknown): ChannelName {
  const channel = parseChannelName(value);
  if (channel === undefined) throw fields.invalid("channels", channelNameRuleFor(value), value);
  return channel;
}
