import { type ChannelName, userOf } from "../../protocol/channel-name.ts";
import { present } from "../../protocol/codec.ts";
import { type ErrorCode, ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import { onOneLine } from "../../protocol/json-text.ts";
import { limits } from "../../protocol/limits.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { Hub } from "../hub/hub.ts";
import {
  type ApiDependencies,
  type Call,
  channelParam,
  ok,
  okInParts,
  type PartRefusal,
  publisherOfCall,
  type Reply,
} from "./call.ts";
import { type DraftContent, inSpanOf } from "./draft.ts";
import { knownPublishFields, parsePublishRequest, timeFields } from "./publish-request.ts";
import { publishLater } from "./schedules.ts";

/** `POST /v1/publish`: publishes to one or more channels or users. */
export async function publish(dependencies: ApiDependencies, call: Call): Promise<Reply> {
  const object = fields.parseObject(call.body, knownPublishFields);
  if (timeFields.some((field) => (object[field] ?? undefined) !== undefined))
    return publishLater(dependencies, call, object);
  const { hub, access } = dependencies;
  const { targets, draft: undirected } = parsePublishRequest(object);
  const { identity } = call;
  if (targets.channels.length > 1) call.account.charge("messages", targets.channels.length - 1);
  const draft = inSpanOf(call, withSender(access, identity, withId(undirected, call)));
  const check = (channel: ChannelName) => identity && access.checkPublish(identity, channel);
  const [only] = targets.channels;
  if (targets.isOne && only !== undefined) {
    return ok((await withConnected(hub, [await publishInto(hub, only, draft, check)]))[0]);
  }
  const results = await Promise.all(targets.channels.map((channel) => publishOrError(hub, channel, draft, check)));
  const refusals = results.flatMap(({ refusal }) => (refusal === undefined ? [] : [refusal]));
  return okInParts({ results: await withConnected(hub, results) }, refusals);
}

/** `POST /v1/channels/{channel}/messages`: the body is the message; JSON becomes `data`, anything else `message`. */
export async function postMessage({ hub, access }: ApiDependencies, call: Call): Promise<Reply> {
  const { identity } = call;
  const channel = channelParam(call);
  if (call.body === "") throw fields.invalid("body", "a message", undefined);
  const isJson = /^application\/([\w.+-]+\+)?json\b/i.test(call.headers.get("Content-Type") ?? "");
  if (isJson) fields.checkData(call.body);
  const content: DraftContent = isJson ? { data: onOneLine(call.body.trim()) } : { message: call.body };
  const check = () => identity && access.checkPublish(identity, channel);
  const draft = inSpanOf(call, withSender(access, identity, withId(content, call)));
  return ok((await publishInto(hub, channel, draft, check)).receipt);
}

/** Sets the sender: on a secured server that is the token's user, whatever the draft claims. */
function withSender(access: Access, identity: Identity | undefined, draft: DraftContent): DraftContent {
  if (identity === undefined) return draft;
  const { sender: claimed, ...rest } = draft;
  const sender = access.senderOf(identity, claimed);
  return { ...rest, ...present({ publisher: publisherOfCall({ identity }), sender }) };
}

/** @throws ServiceError if the client may not publish to the channel */
type Check = (channel: ChannelName) => void;

async function publishInto(hub: Hub, channel: ChannelName, draft: DraftContent, check: Check) {
  check(channel);
  const { id, position, duplicate, listeners } = await hub.publish({ ...draft, channel });
  return { receipt: { channel, id, ...position, duplicate }, listeners };
}

/** The receipt or error of one publication, and how many workers listened to the channel. */
interface Outcome {
  readonly receipt: {
    readonly channel: ChannelName;
    readonly error?: { readonly code: ErrorCode; readonly message: string };
  };
  readonly listeners?: number | undefined;
  readonly refusal?: PartRefusal;
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
async function publishOrError(hub: Hub, channel: ChannelName, draft: DraftContent, check: Check): Promise<Outcome> {
  try {
    return await publishInto(hub, channel, draft, check);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const { code, message } = error;
    return { receipt: { channel, error: { code, message } }, refusal: { code, reason: message, channel } };
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
