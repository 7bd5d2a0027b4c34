import type { Clock } from "../lib/clock.ts";
import { type Answer, askServer, type Question, refused } from "./ask-server.ts";

/** What a process, or the whole server, said of itself at one moment. Counters only ever grow while it lives. */
export interface Sample {
  /** Of a process; the whole server has none. */
  readonly id: string;
  /** Such as `worker 1`. */
  readonly name: string;
  /** Milliseconds of a clock that never goes back. */
  readonly at: number;
  readonly state: string;
  readonly memoryBytes: number;
  readonly uptimeS: number;
  /** Undefined for a process that has no clients: the supervisor. */
  readonly traffic: Traffic | undefined;
}

export interface Traffic {
  readonly connections: number;
  readonly slow: number;
  readonly channels: number;
  readonly publications: number;
  readonly deliveries: number;
}

/** One look at a server. */
export interface Look {
  readonly server: Sample;
  /** How many users are connected; undefined where there are too many to be counted here. */
  readonly users: number | undefined;
  /** Its processes; none where the server does not tell. */
  readonly processes: readonly Sample[];
}

type Server = Pick<Question, "address" | "key" | "control">;
type Fields = Readonly<Record<string, unknown>>;

/**
 * Looks once.
 * @throws CommandError where the server refuses, and whatever fetch throws where nothing answers
 */
export async function readLook(server: Server, clock: Clock): Promise<Look> {
  const [metrics, connections, nodes] = await Promise.all([
    ask(server, "/metrics"),
    askConnections(server),
    ask(server, "/v1/nodes", { orNothing: true }),
  ]);
  const at = clock.monotonic();
  return {
    server: sampleOf({ ...metrics, name: "all" }, at),
    users: usersIn(connections),
    processes: listIn(nodes.nodes).map((node) => sampleOf(node, at)),
  };
}

/** Only the server's own port has them. Where the rest comes from the control socket it may be closed, or want a key. */
async function askConnections({ control, ...server }: Server): Promise<Fields> {
  if (control === undefined) return ask(server, "/v1/connections");
  return ask(server, "/v1/connections").catch(() => ({ next_page: "unknown" }));
}

/** @param options `orNothing`: an older server has no such path */
async function ask(server: Server, path: string, options?: { readonly orNothing: true }): Promise<Fields> {
  const question = { ...server, path };
  const answer: Answer = await askServer(question);
  const { status, value } = answer;
  if (status === 404 && options !== undefined) return {};
  if (status === 200 && isFields(value)) return value;
  throw refused(question, answer);
}

function sampleOf(fields: Fields, at: number): Sample {
  const number = (name: string) => numberOf(fields[name]);
  const traffic = {
    connections: number("active_connections"),
    slow: number("slow_connections"),
    channels: number("channels"),
    publications: number("publications_total"),
    deliveries: number("deliveries_total") + number("pumped_total"),
  };
  return {
    id: textOf(fields.id),
    name: textOf(fields.name),
    at,
    state: textOf(fields.status),
    memoryBytes: number("memory_bytes"),
    uptimeS: number("uptime_s"),
    traffic: fields.active_connections === undefined ? undefined : traffic,
  };
}

/** As far as one page of connections tells. */
function usersIn({ connections, next_page }: Fields): number | undefined {
  if (next_page !== undefined) return undefined;
  return new Set(listIn(connections).flatMap((it) => it.user_id ?? [])).size;
}

function listIn(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
