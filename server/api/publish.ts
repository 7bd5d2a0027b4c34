import { type ChannelName, channelNameRuleFor, parseChannelName, userOf } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import { onOneLine } from "../../protocol/json-text.ts";
import { limits } from "../../protocol/limits.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { Hub } from "../hub/hub.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import { publishRequest } from "./about/publish.ts";
import { type ApiDependencies, type Call, channelParam, ok, type Reply } from "./call.ts";
import { type DraftContent, parseDraftContent, userChannelField } from "./draft.ts";

/** `POST /v1/publish`: publishes to one or more channels or users. */
export async function publish({ hub, access }: ApiDependencies, call: Call): Promise<Reply> {
  const object = fields.parseObject(call.body);
  refuseSchedule(object);
  refuseUnknownNames(Object.keys(object), publishFields, "field");
  const targets = parseTargets(object);
  const { identity } = call;
  if (targets.channels.length > 1) call.account.charge("messages", targets.channels.length - 1);
  const draft = withSender(access, identity, withId(parseDraftContent(object, call.body), call));
  const check = (channel: ChannelName) => identity && access.checkPublish(identity, channel);
  const [only] = targets.channels;
  if (targets.isOne && only !== undefined) {
    return ok((await withConnected(hub, [await publishInto(hub, only, draft, check)]))[0]);
  }
  const results = await Promise.all(targets.channels.map((channel) => publishOrError(hub, channel, draft, check)));
  return ok({ results: await withConnected(hub, results) });
}

/** `POST /v1/channels/{channel}/messages`: the body is the message; JSON becomes `data`, anything else `message`. */
export async function postMessage({ hub, access }: ApiDependencies, call: Call): Promise<Reply> {
  const { identity } = call;
  const channel = channelParam(call);
  if (call.body === "") throw fields.invalid("body", "a message", undefined);
  const isJson = /^application\/([\w.+-]+\+)?json\b/i.test(call.headers.get("Content-Type") ?? "");
  if (isJson) fields.parseJson(call.body);
  const draft: DraftContent = isJson ? { data: onOneLine(call.body.trim()) } : { message: call.body };
  const check = () => identity && access.checkPublish(identity, channel);
  return ok((await publishInto(hub, channel, withSender(access, identity, withId(draft, call)), check)).receipt);
}

const publishFields = Object.keys(publishRequest.properties ?? {});

/** Sets the sender: on a secured server that is the token's user, whatever the draft claims. */
function withSender(access: Access, identity: Identity | undefined, draft: DraftContent): DraftContent {
  if (identity === undefined) return draft;
  const { sender: claimed, ...rest } = draft;
  const sender = access.senderOf(identity, claimed);
  return sender === undefined ? rest : { ...rest, sender };
}

/** @throws ServiceError if the client may not publish to the channel */
type Check = (channel: ChannelName) => void;

interface Targets {
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
  if (!Array.isArray(value) || value.length === 0 || value.length > limits.publishTargets) {
    throw fields.invalid(
      field,
      `an array of 1 to ${limits.publishTargets}`,
      Array.isArray(value) ? value.length : value,
    );
  }
  const parse = field === "channels" ? channelElement : (element: unknown) => userChannelField(element, "user_ids");
  const channels = value.map(parse);
  if (new Set(channels).size < channels.length) {
    throw fields.invalid(field, "each target once", `${channels.find((it, at) => channels.indexOf(it) < at)} twice`);
  }
  return { channels, isOne: false };
}

function channelElement(value: unknown): ChannelName {
  const channel = parseChannelName(value);
  if (channel === undefined) throw fields.invalid("channels", channelNameRuleFor(value), value);
  return channel;
}

async function publishInto(hub: Hub, channel: ChannelName, draft: DraftContent, check: Check) {
  check(channel);
  const { id, position, duplicate, listeners } = await hub.publish({ ...draft, channel });
  return { receipt: { channel, id, ...position, duplicate }, listeners };
}

/** The receipt or error of one publication, and how many workers listened to the channel. */
interface Outcome {
  readonly receipt: { readonly channel: ChannelName };
  readonly listeners?: number | undefined;
}

/** Adds `connected` to the receipts of messages to users. */
async function withConnected(hub: Hub, outcomes: readonly Outcome[]) {
  const sent = outcomes.flatMap(({ receipt, listeners }) => {
    const userId = userOf(receipt.channel);
    return userId === undefined || "error" in receipt ? [] : [{ userId, listeners }];
  });
  if (sent.length === 0) return outcomes.map(({ receipt }) => receipt);
  const connected = await hub.occupancy.connected(sent);
  return outcomes.map(({ receipt }) => {
    const userId = userOf(receipt.channel);
    return userId === undefined || "error" in receipt ? receipt : { ...receipt, connected: connected.has(userId) };
  });
}

/** Publishes to one of several channels. An error becomes its result. */
async function publishOrError(hub: Hub, channel: ChannelName, draft: DraftContent, check: Check) {
  try {
    return await publishInto(hub, channel, draft, check);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return { receipt: { channel, error: { code: error.code, message: error.message } } };
  }
}

/** `Idempotency-Key` is the same as `id`. */
function withId(draft: DraftContent, { headers }: Call): DraftContent {
  const idempotencyKey = headers.get("Idempotency-Key");
  if (idempotencyKey === null || idempotencyKey === "") return draft;
  const id = fields.optionalText({ "Idempotency-Key": idempotencyKey }, "Idempotency-Key", limits.idLength);
  if (draft.id !== undefined && draft.id !== id) {
    throw fields.invalid("id", "the same value as the header Idempotency-Key, or only one of the two", draft.id);
  }
  return id === undefined ? draft : { ...draft, id };
}

function refuseSchedule(object: fields.Fields): void {
  for (const field of ["at", "delay_s"]) {
    if (object[field] === undefined) continue;
    throw fields.invalid(field, "no value: this version cannot schedule publications", object[field]);
  }
}
