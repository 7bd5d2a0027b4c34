import type { Clock } from "../lib/clock.ts";
import { askServer, type Question, refused } from "./ask-server.ts";

/** What one process said of itself at one moment. Counters only ever grow while it lives. */
export interface Sample {
  /** Milliseconds of a clock that never goes back. */
  readonly at: number;
  readonly state: string;
  readonly connections: number;
  /** How many of them belong to users; undefined where there are too many to be counted here. */
  readonly users: number | undefined;
  readonly slow: number;
  readonly channels: number;
  readonly memoryBytes: number;
  readonly uptimeS: number;
  readonly publications: number;
  readonly deliveries: number;
}

/**
 * Looks once.
 * @throws CommandError where the server refuses, and whatever fetch throws where nothing answers
 */
export async function readSample(server: Pick<Question, "address" | "key">, clock: Clock): Promise<Sample> {
  const [metrics, users] = await Promise.all([ask(server, "/metrics"), readUsers(server)]);
  const number = (name: string) => numberOf(metrics[name]);
  return {
    at: clock.monotonic(),
    state: typeof metrics.status === "string" ? metrics.status : "unknown",
    connections: number("active_connections"),
    users,
    slow: number("slow_connections"),
    channels: number("channels"),
    memoryBytes: number("memory_bytes"),
    uptimeS: number("uptime_s"),
    publications: number("publications_total"),
    deliveries: number("deliveries_total") + number("pumped_total"),
  };
}

type Fields = Readonly<Record<string, unknown>>;

async function ask(server: Pick<Question, "address" | "key">, path: string): Promise<Fields> {
  const question = { ...server, path };
  const answer = await askServer(question);
  const { status, value } = answer;
  if (status === 200 && isFields(value)) return value;
  throw refused(question, answer);
}

/** How many users are connected, as far as one page of connections tells. */
async function readUsers(server: Pick<Question, "address" | "key">): Promise<number | undefined> {
  const { connections, next_page } = await ask(server, "/v1/connections");
  if (!Array.isArray(connections) || next_page !== undefined) return undefined;
  const users = connections.map((it: unknown) => (isFields(it) ? it.user_id : undefined));
  return new Set(users.filter((it) => it !== undefined)).size;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
