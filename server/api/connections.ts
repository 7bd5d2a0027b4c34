import { type ChannelName, channelNameRuleFor, parseChannelName } from "../../protocol/channel-name.ts";
import { isoTime, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { MemberId } from "../cluster/cluster.ts";
import type { Hub } from "../hub/hub.ts";
import type { Session } from "../session/session.ts";
import { type ApiDependencies, type Call, ok, type Reply, userIdIn } from "./call.ts";

/** Connections per page. */
const pageSize = 100;

/** Selects the connections that match everything that is given. */
interface ConnectionFilter {
  readonly userId?: string | undefined;
  readonly channel?: ChannelName | undefined;
  readonly id?: string | undefined;
}

/** Which of its connections each worker should return; `to` is exclusive. */
interface ListRequest extends ConnectionFilter {
  readonly slices: Readonly<Record<MemberId, readonly [from: number, to: number]>>;
}

/** `GET /v1/connections?user_id=&channel=&id=&page=`: the connections of all workers, ordered by worker. */
export async function listConnections({ hub }: ApiDependencies, { query }: Call): Promise<Reply> {
  const filter = filterOf(query);
  const page = pageOf(query);
  const counts = await hub.peers.askAll("count-connections", filter);
  const slices: Record<MemberId, readonly [number, number]> = {};
  let total = 0;
  for (const { member, body } of counts) {
    const count = Number(body);
    const from = Math.max(0, page * pageSize - total);
    slices[member.id] = [Math.min(from, count), Math.min(count, Math.max(0, (page + 1) * pageSize - total))];
    total += count;
  }
  const answers = await hub.peers.askAll("list-connections", { ...filter, slices });
  const connections = answers.flatMap(({ body }) => (Array.isArray(body) ? body : []));
  return ok({ connections, total, ...(total > (page + 1) * pageSize ? { next_page: String(page + 1) } : {}) });
}

/** `DELETE /v1/connections/{id}` */
export async function kickConnection({ hub }: ApiDependencies, { params }: Call): Promise<Reply> {
  const closed = await sum(hub, "kick-connection", params.id ?? "");
  if (closed === 0) throw new ServiceError("not-found", "no open connection has this id");
  return ok({ closed });
}

/** `DELETE /v1/users/{id}/connections`: not an error if the user has none. */
export async function kickUser({ hub }: ApiDependencies, { params }: Call): Promise<Reply> {
  return ok({ closed: await sum(hub, "kick-user", userIdIn("id", params.id ?? "")) });
}

/** Registers this worker's handlers for the requests above. Call it once. */
export function registerConnectionHandlers(hub: Hub): void {
  const select = (filter: ConnectionFilter) => [...candidates(hub, filter)].filter((it) => matches(it, filter));
  const kick = (sessions: readonly Session[]) => {
    for (const session of sessions) session.close({ name: "disconnected" });
    return sessions.length;
  };
  hub.peers.handle("count-connections", (filter: ConnectionFilter) => select(filter).length);
  hub.peers.handle("list-connections", (request: ListRequest, { self }) => {
    const [from, to] = request.slices[self] ?? [0, 0];
    return from < to ? select(request).slice(from, to).map(describe) : [];
  });
  hub.peers.handle("kick-user", (userId: string) => kick([...hub.connections.ofUser(userId)]));
  hub.peers.handle("kick-connection", (id: string) =>
    kick([hub.connections.byId(id)].filter((it) => it !== undefined)),
  );
}

/** The sessions among which those that match are found fastest. */
function candidates({ connections }: Hub, { userId, id }: ConnectionFilter): Iterable<Session> {
  if (id !== undefined) return [connections.byId(id)].filter((it) => it !== undefined);
  return userId === undefined ? connections.all() : connections.ofUser(userId);
}

function matches({ userId, memberships }: Session, filter: ConnectionFilter): boolean {
  if (filter.userId !== undefined && filter.userId !== userId) return false;
  return filter.channel === undefined || memberships.get(filter.channel) !== undefined;
}

async function sum(hub: Hub, topic: string, body: unknown): Promise<number> {
  const answers = await hub.peers.askAll(topic, body);
  return answers.reduce((total, answer) => total + Number(answer.body), 0);
}

function describe(session: Session) {
  return {
    id: session.id,
    ...present({ user_id: session.userId }),
    remote: session.origin.remote,
    connected_at: isoTime(session.origin.connectedAt),
    channels: session.memberships.names(),
    is_lagging: !session.isLevel,
    buffered_bytes: session.connection.buffered(),
  };
}

/** @throws ServiceError "bad-request" */
function filterOf(query: URLSearchParams): ConnectionFilter {
  const [userId, channel, id] = ["user_id", "channel", "id"].map((name) => query.get(name) || undefined);
  if (channel === undefined) return { userId, id };
  const parsed = parseChannelName(channel);
  if (parsed !== undefined) return { userId, channel: parsed, id };
  throw new ServiceError("bad-request", `channel: expected ${channelNameRuleFor(channel)}`, { field: "channel" });
}

function pageOf(query: URLSearchParams): number {
  const text = query.get("page") ?? "0";
  if (/^[0-9]{1,6}$/.test(text)) return Number(text);
  throw new ServiceError(
    "bad-request",
    `page: expected the next_page of the previous response, got ${JSON.stringify(text.slice(0, 60))}`,
    { field: "page" },
  );
}
