import { type ChannelName, parseUserId, userChannel, userIdRuleFor } from "../../protocol/channel-name.ts";
import { present } from "../../protocol/codec.ts";
import * as fields from "../../protocol/fields.ts";
import { limits } from "../../protocol/limits.ts";
import type { Body, Draft, Labels } from "../../protocol/publication.ts";
import type { Call } from "./call.ts";

/** A draft without a channel, which can be published to several. */
export type DraftContent = Omit<Draft, "channel">;

/**
 * Parses everything of a publish request except its channels. `data` stays the JSON text from the request.
 * @throws ServiceError "invalid-field" that names field and rule
 */
export function parseDraftContent(object: fields.Fields): DraftContent {
  const message = fields.optionalMessage(object);
  const data = fields.dataText(object);
  if (message === undefined && data === undefined) throw fields.invalid("data", "data or message", undefined);
  const ephemeral = fields.optionalSwitch(object, "ephemeral", false);
  return {
    ...present<Body>({ message, data } as Body),
    ...labelsOf(object),
    ...present({
      id: fields.optionalText(object, "id", limits.idLength),
      ephemeral: ephemeral ? (true as const) : undefined,
      excludeConnectionId: fields.optionalText(object, "exclude_connection_id", limits.idLength),
    }),
  };
}

/** The user's channel for a `user_id`. @throws ServiceError "invalid-field" */
export function userChannelField(value: unknown, field = "user_id"): ChannelName {
  const userId = parseUserId(value);
  if (userId === undefined) throw fields.invalid(field, userIdRuleFor(value), value);
  return userChannel(userId);
}

/** The draft as part of the request's span. */
export function inSpanOf<D extends DraftContent>({ traceparent }: Pick<Call, "traceparent">, draft: D): D {
  return traceparent === undefined ? draft : { ...draft, traceparent };
}

function labelsOf(object: fields.Fields): Labels {
  return present({
    event: fields.optionalEvent(object),
    sender: fields.optionalText(object, "sender", limits.senderLength),
    key: fields.optionalText(object, "key", limits.keyLength),
    headers: fields.optionalHeaders(object),
  });
}
