import type { Clock } from "../lib/clock.ts";
import { type ApiRequest, type ApiResponse, refused, sendRequest } from "./api-request.ts";

/** Metrics of a process or of the whole server at one time. Counters only grow during the lifetime of a process. */
export interface Sample {
  /** The process's id; empty for the whole server. */
  readonly id: string;
  /** Such as `worker 1`. */
  readonly name: string;
  /** Milliseconds of a monotonic clock. */
  readonly at: number;
  readonly state: string;
  readonly memoryBytes: number;
  readonly uptimeS: number;
  /** Undefined for the supervisor, which has no clients. */
  readonly traffic: Traffic | undefined;
}

export interface Traffic {
  readonly connections: number;
  readonly slow: number;
  readonly channels: number;
  readonly publications: number;
  readonly deliveries: number;
}

/** Everything that was read from a server at one time. */
export interface Snapshot {
  readonly server: Sample;
  /** The number of connected users; undefined if the connections do not fit on one page of results. */
  readonly users: number | undefined;
  /** Its processes; empty if the server does not report them. */
  readonly processes: readonly Sample[];
  /** The progress of a reload or an upgrade, or why the last one failed; undefined if there is nothing to report. */
  readonly roll: string | undefined;
}

type Server = Pick<ApiRequest, "address" | "key" | "control" | "controlKey">;
type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the metrics of the server once.
 * @throws CommandError if the server refuses, and whatever fetch throws if there is no response
 */
export async function readSnapshot(server: Server, clock: Clock): Promise<Snapshot> {
  const [metrics, connections, nodes, drain] = await Promise.all([
    ask(server, "/metrics"),
    askConnections(server),
    ask(server, "/v1/nodes", { orNothing: true }),
    ask(server, "/v1/drain", { orNothing: true }),
  ]);
  const at = clock.monotonic();
  return {
    server: sampleOf({ ...metrics, name: "all" }, at),
    users: usersIn(connections),
    processes: listIn(nodes.nodes).map((node) => sampleOf(node, at)),
    roll: rollIn(drain),
  };
}

/** Only the main port lists connections. If the control socket is used, that port may be closed or require a key. */
async function askConnections({ control, ...server }: Server): Promise<Fields> {
  if (control === undefined) return ask(server, "/v1/connections");
  return ask(server, "/v1/connections").catch(() => ({ next_page: "unknown" }));
}

/** @param options `orNothing`: returns nothing on 404, because older servers do not have the path */
async function ask(server: Server, path: string, options?: { readonly orNothing: true }): Promise<Fields> {
  const request = { ...server, path };
  const response: ApiResponse = await sendRequest(request);
  const { status, value } = response;
  if (status === 404 && options !== undefined) return {};
  if (status === 200 && isFields(value)) return value;
  throw refused(request, response);
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

/** Undefined if there is more than one page of connections. */
function usersIn({ connections, next_page }: Fields): number | undefined {
  if (next_page !== undefined) return undefined;
  return new Set(listIn(connections).flatMap((it) => it.user_id ?? [])).size;
}

/** `roll 3: moving the clients of the old workers within 10 s; 12 left` */
function rollIn({ roll, remaining }: Fields): string | undefined {
  if (!isFields(roll) || roll.phase === "done") return undefined;
  const left = roll.phase === "moving" ? `; ${numberOf(remaining)} left` : "";
  return `roll ${numberOf(roll.number)}${roll.phase === "failed" ? " failed" : ""}: ${textOf(roll.message)}${left}`;
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
