import { channelNameRuleFor, parseChannelName, userChannel } from "../../protocol/channel-name.ts";
import { isoTime, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { FactsCollector, FactsQuery, WorkerFacts } from "../hub/connection-facts.ts";
import type { Hub } from "../hub/hub.ts";
import type { ConnectionFacts } from "../trace/facts.ts";
import type { DatedRefusal, Note } from "../trace/records.ts";
import { explain } from "../trace/sentence.ts";
import { type ApiDependencies, type Call, ok, type Reply, userIdIn } from "./call.ts";
import { type FoundPublication, findPublication, wantedOf } from "./traced-publication.ts";

/** The answer of one worker. */
interface Answer extends WorkerFacts {
  readonly worker: string;
}

/** `GET /v1/trace?user=&connection=&channel=&id=&offset=` */
export async function trace(dependencies: ApiDependencies, call: Call): Promise<Reply> {
  const query = queryOf(call.query);
  const wanted = wantedOf(call.query);
  const found = await findPublication(dependencies, call, { channel: query.channel, wanted });
  const { answers, isComplete } = await collectAll(dependencies.hub, query);
  const connections = answers.flatMap(({ worker, connections: those }) => {
    return those.map((facts) => describe(facts, worker, found));
  });
  const refusals = answers.flatMap(({ worker, refusals: those }) => {
    return those.filter((it) => isAbout(it, call.query.get("id"))).map((it) => describeRefusal(it, worker));
  });
  const more = answers.reduce((sum, it) => sum + it.more, 0);
  return ok({
    channel: query.channel,
    ...present({ user_id: query.user }),
    publication: describePublication(found),
    summary: summaryOf(found, connections, query),
    connections,
    refusals,
    more,
    complete: isComplete,
  });
}

/** Registers this worker's handler for the request above. Call it once. */
export function registerTraceHandler({ peers }: Hub, collector: FactsCollector): void {
  peers.handle("trace", (query: FactsQuery): Answer => ({ worker: peers.name, ...collector.collect(query) }));
}

async function collectAll({ peers }: Hub, query: FactsQuery) {
  const [own, others] = await Promise.all([peers.askSelf("trace", query), peers.askForAll("trace", query)]);
  const answers = [own, ...others.answers.map(({ body }) => body)] as readonly (Answer | null)[];
  const known = answers.filter((it) => it !== null);
  known.sort((a, b) => a.worker.localeCompare(b.worker, "en", { numeric: true }));
  return { answers: known, isComplete: others.isComplete };
}

/** @throws ServiceError "bad-request" */
function queryOf(query: URLSearchParams): FactsQuery {
  const user = query.get("user") || undefined;
  const connection = query.get("connection") || undefined;
  if (user === undefined && connection === undefined) {
    throw new ServiceError("bad-request", "expected user or connection, got neither", { field: "user" });
  }
  if (user !== undefined) userIdIn("user", user);
  const text = query.get("channel") || (user === undefined ? "all" : userChannel(user));
  const channel = parseChannelName(text);
  if (channel === undefined) {
    throw new ServiceError("bad-request", `channel: expected ${channelNameRuleFor(text)}`, { field: "channel" });
  }
  return { channel, ...present({ user, connection: connection?.slice(0, 100) }) };
}

function describe(facts: ConnectionFacts, worker: string, { traced }: FoundPublication) {
  const { connection, user, remote, connectedTime, ended, membership, bufferedBytes, notes, rule, forbidden } = facts;
  const end = ended === undefined ? {} : { ended_at: isoTime(ended.at), ...present({ closed: ended.closed }) };
  return {
    connection_id: connection,
    ...present({ user_id: user }),
    worker,
    remote,
    is_open: ended === undefined,
    connected_at: isoTime(connectedTime),
    ...end,
    ...(traced === undefined ? {} : explain(traced, facts)),
    ...(membership === undefined ? {} : describeMembership(membership)),
    buffered_bytes: bufferedBytes,
    events: notes.map(describeNote),
    rule: { ...rule, ...present({ refuses: forbidden }) },
  };
}

function describeMembership({
  after,
  cursor,
  flushed,
  head,
  joinedTime,
  recovered,
}: NonNullable<ConnectionFacts["membership"]>) {
  return { joined_at: isoTime(joinedTime), after, offset: cursor, flushed, head, ...present({ recovered }) };
}

function describeNote({ at, channel: _, ...note }: Note) {
  return { at: isoTime(at), ...note };
}

function describeRefusal({ at, action, code, reason, user, id, remote }: DatedRefusal, worker: string) {
  return { at: isoTime(at), worker, action, code, reason, remote, ...present({ user_id: user, id }) };
}

/** Refused connections of the user, and the refused publication with this id. */
function isAbout({ what, id }: DatedRefusal, wantedId: string | null): boolean {
  return what === "connection" || (wantedId !== null && id === wantedId);
}

function describePublication({ traced, publication }: FoundPublication) {
  if (traced === undefined) return null;
  const { id, epoch, offset, excluded } = traced;
  const timestamp = publication === undefined ? undefined : isoTime(publication.timestamp);
  return { ...present({ id, timestamp, excluded_connection_id: excluded }), epoch, offset };
}

function summaryOf(
  { traced, sentence }: FoundPublication,
  connections: readonly { readonly verdict?: string; readonly is_open: boolean }[],
  { user, connection }: FactsQuery,
): string {
  const who = user ?? connection;
  if (connections.length === 0)
    return `${sentence}. ${who} has no connection to this server, and none that ended recently.`;
  if (traced === undefined) return `${sentence}.`;
  const sent = connections.filter(({ verdict = "" }) => /^(drained|sent)/.test(verdict)).length;
  return `${sentence}. It was sent to ${sent} of ${connections.length} connection${connections.length === 1 ? "" : "s"} of ${who}.`;
}
