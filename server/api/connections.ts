import { isoTime, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { MemberId } from "../cluster/cluster.ts";
import type { Hub } from "../hub/hub.ts";
import type { Session } from "../session/session.ts";
import { type ApiDependencies, type Call, ok, type Reply } from "./call.ts";

/** Connections of one page. */
const pageSize = 100;

/** Whose connections; all where there is no user. */
interface Whose {
  readonly userId: string | undefined;
}

/** Which of its connections each worker is to describe: from, and up to but without. */
interface Slices extends Whose {
  readonly slices: Readonly<Record<MemberId, readonly [from: number, to: number]>>;
}

/** `GET /v1/connections?user_id=&page=`: worker after worker, in the order of their names. */
export async function listConnections({ hub }: ApiDependencies, { query }: Call): Promise<Reply> {
  const userId = query.get("user_id") || undefined;
  const page = pageOf(query);
  const counts = await hub.peers.askAll("count-connections", { userId });
  const slices: Record<MemberId, readonly [number, number]> = {};
  let total = 0;
  for (const { member, body } of counts) {
    const count = Number(body);
    const from = Math.max(0, page * pageSize - total);
    slices[member.id] = [Math.min(from, count), Math.min(count, Math.max(0, (page + 1) * pageSize - total))];
    total += count;
  }
  const answers = await hub.peers.askAll("list-connections", { userId, slices });
  const connections = answers.flatMap(({ body }) => (Array.isArray(body) ? body : []));
  return ok({ connections, ...(total > (page + 1) * pageSize ? { next_page: String(page + 1) } : {}) });
}

/** `DELETE /v1/connections/{id}` */
export async function kickConnection({ hub }: ApiDependencies, { params }: Call): Promise<Reply> {
  const closed = await sum(hub, "kick-connection", params.id ?? "");
  if (closed === 0) throw new ServiceError("not-found", "no connection by that id is open");
  return ok({ closed });
}

/** `DELETE /v1/users/{id}/connections`: closing none is no error, the user may have left a moment ago. */
export async function kickUser({ hub }: ApiDependencies, { params }: Call): Promise<Reply> {
  return ok({ closed: await sum(hub, "kick-user", params.id ?? "") });
}

/** What this worker answers when one of them is asked; called once. */
export function answerAboutConnections(hub: Hub): void {
  const those = ({ userId }: Whose) => (userId ? hub.connections.ofUser(userId) : hub.connections.all());
  const kick = (sessions: readonly Session[]) => {
    for (const session of sessions) session.close({ name: "disconnected" });
    return sessions.length;
  };
  hub.peers.handle("count-connections", (whose: Whose) => Array.from(those(whose)).length);
  hub.peers.handle("list-connections", (asked: Slices, { self }) => {
    const [from, to] = asked.slices[self] ?? [0, 0];
    return from < to ? Array.from(those(asked)).slice(from, to).map(describe) : [];
  });
  hub.peers.handle("kick-user", (userId: string) => kick([...hub.connections.ofUser(userId)]));
  hub.peers.handle("kick-connection", (id: string) =>
    kick([hub.connections.byId(id)].filter((it) => it !== undefined)),
  );
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

function pageOf(query: URLSearchParams): number {
  const text = query.get("page") ?? "0";
  if (/^[0-9]{1,6}$/.test(text)) return Number(text);
  throw new ServiceError(
    "bad-request",
    `page: expected the next_page of an answer, got ${JSON.stringify(text.slice(0, 60))}`,
  );
}
