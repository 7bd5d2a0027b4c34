import { isServerChannel } from "../../protocol/channel-name.ts";
import { encodePublications, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import { parseCursor, parseSince, type Since, sinceWords } from "../../protocol/position.ts";
import type { ChannelSummary } from "../broker/log.ts";
import type { Hub } from "../hub/hub.ts";
import { type ApiDependencies, type Call, channelParam, ok, publisherOfCall, type Reply } from "./call.ts";

/** Channels per page. */
const pageSize = 100;

/** `GET /v1/channels?prefix=&page=` */
export async function listChannels({ hub, directory }: ApiDependencies, { query }: Call): Promise<Reply> {
  const found = await directory.list(query.get("prefix") ?? "", query.get("page") ?? "", pageSize);
  const next = found.length < pageSize ? undefined : found.at(-1)?.channel;
  const shown = found.filter(({ channel }) => !isServerChannel(channel));
  return ok({ channels: await describe(hub, shown), ...present({ next_page: next }) });
}

/** `GET /v1/channels/{channel}` */
export async function getChannel({ hub, directory }: ApiDependencies, call: Call): Promise<Reply> {
  const channel = channelParam(call);
  const summary = await directory.summary(channel);
  if (summary === undefined) throw new ServiceError("not-found", `channel ${JSON.stringify(channel)} does not exist`);
  return ok((await describe(hub, [summary]))[0]);
}

/** `GET /v1/channels/{channel}/history?since=&limit=` */
export async function getHistory({ hub, access }: ApiDependencies, call: Call): Promise<Reply> {
  const channel = channelParam(call);
  if (call.identity !== undefined) await access.checkSubscribe(call.identity, channel);
  const limit = limitOf(call.query);
  const { top, publications, gap } = await hub.history(
    { channel, since: sinceOf(call, limit), limit, publisher: publisherOfCall(call) },
    call.account,
  );
  const head = JSON.stringify({ channel, ...top, complete: gap === undefined, ...present({ reason: gap }) });
  return { status: 200, body: `${head.slice(0, -1)},"messages":[${encodePublications(publications)}]}` };
}

/** `GET /v1/channels/{channel}/presence?page=` */
export async function getPresence({ hub, access }: ApiDependencies, call: Call): Promise<Reply> {
  const channel = channelParam(call);
  call.account.charge("presence");
  if ((await access.checkPresence(call.identity, channel)) === "count") {
    return ok({ channel, count: await hub.presence.count(channel) });
  }
  const { type: _, ...answer } = await hub.presence.read(channel, call.query.get("page") ?? "");
  return ok(answer);
}

async function describe(hub: Hub, those: readonly ChannelSummary[]) {
  const counts = await hub.occupancy.counts(those.map(({ channel }) => channel));
  return those.map(({ channel, top, messages }, index) => {
    return { channel, ...top, messages, connections: counts[index] ?? 0 };
  });
}

function limitOf(query: URLSearchParams): number {
  const text = query.get("limit") ?? String(limits.historyDefault);
  const limit = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= limits.historyLimit) return limit;
  throw bad("limit", `a whole number from 1 to ${limits.historyLimit}`, text);
}

/** The parameter `since`: a word such as `earliest`, or a cursor that contains the channel. */
function sinceOf(call: Call, limit: number): Since {
  const text = call.query.get("since");
  if (text === null || text === "") return { from: "last", count: limit };
  const position = parseCursor(text)?.get(channelParam(call));
  const since: Since | undefined = position === undefined ? parseSince(text) : { from: "position", position };
  if (since === undefined)
    throw bad("since", `a cursor that contains the channel, such as room:1~k3x9~17, ${sinceWords}`, text);
  return since;
}

function bad(field: string, rule: string, got: string): ServiceError {
  return new ServiceError("bad-request", `${field}: expected ${rule}, got ${JSON.stringify(got.slice(0, 60))}`, {
    field,
  });
}
