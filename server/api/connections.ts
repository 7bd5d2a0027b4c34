import { isoTime, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Session } from "../session/session.ts";
import { type ApiDoors, type Call, ok, type Reply } from "./call.ts";

/** Connections of one page. */
const pageSize = 100;

/** `GET /v1/connections?user_id=&page=` */
export async function listConnections({ hub }: ApiDoors, { query }: Call): Promise<Reply> {
  const userId = query.get("user_id");
  const page = pageOf(query);
  const sessions = userId ? hub.connections.ofUser(userId) : hub.connections.all();
  const found: Session[] = [];
  let index = 0;
  for (const session of sessions) {
    if (index++ < page * pageSize) continue;
    if (found.length === pageSize) return ok({ connections: found.map(describe), next_page: String(page + 1) });
    found.push(session);
  }
  return ok({ connections: found.map(describe) });
}

/** `DELETE /v1/connections/{id}` */
export async function kickConnection({ hub }: ApiDoors, { params }: Call): Promise<Reply> {
  const session = hub.connections.byId(params.id ?? "");
  if (session === undefined) throw new ServiceError("not-found", "no connection by that id is open");
  session.close({ name: "disconnected" });
  return ok({ closed: 1 });
}

/** `DELETE /v1/users/{id}/connections`: closing none is no error, the user may have left a moment ago. */
export async function kickUser({ hub }: ApiDoors, { params }: Call): Promise<Reply> {
  const sessions = [...hub.connections.ofUser(params.id ?? "")];
  for (const session of sessions) session.close({ name: "disconnected" });
  return ok({ closed: sessions.length });
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
