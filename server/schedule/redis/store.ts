import type { Clock } from "../../lib/clock.ts";
import type { RedisAddress } from "../../lib/redis/address.ts";
import type { MakeConnection } from "../../lib/redis/connect.ts";
import type { RedisScript } from "../../lib/redis/script.ts";
import { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnreachable, RedisUnusable } from "../../lib/redis/unreachable.ts";
import {
  costOfRecord,
  type Lease,
  type LeaseRequest,
  leaseMs,
  maxPageBytes,
  type RecordPage,
  type RecordQuery,
  type RecordWrite,
  type ScheduleStore,
  type ScheduleStoreEvents,
  type StoreLimits,
  type WriteOutcome,
} from "../schedule-store.ts";
import { schedulesUnavailable } from "../unavailable.ts";
import { type ScheduleKeys, scheduleKeys } from "./keys.ts";
import { scheduleScripts } from "./scripts.ts";

export interface RedisScheduleStoreOptions {
  readonly address: RedisAddress;
  /** Prefix of all keys and topics. */
  readonly prefix: string;
  readonly limits: StoreLimits;
  readonly clock: Clock;
  /** How long the lease lasts, milliseconds; for tests. */
  readonly leaseMs?: number;
  /** See RedisStoreSettings. */
  readonly connect?: MakeConnection;
}

/** The schedules of all workers that use the same Redis and prefix, on any machine. */
export class RedisScheduleStore implements ScheduleStore {
  readonly isDurable = true;
  readonly #options: RedisScheduleStoreOptions;
  readonly #store: RedisStore;
  readonly #scripts = scheduleScripts();
  readonly #keys: ScheduleKeys;
  #events: ScheduleStoreEvents | undefined;

  constructor(options: RedisScheduleStoreOptions) {
    const { address, prefix, clock, connect } = options;
    this.#options = options;
    this.#keys = scheduleKeys(prefix, address.db);
    this.#store = new RedisStore(
      { address, clock, scripts: Object.values(this.#scripts), connect },
      {
        onUp: () => {
          this.#events?.onFree();
          this.#events?.onDue(0); // records that were written meanwhile may be due
        },
        onDown: () => undefined,
        onMessage: (_, text) => this.#receive(text),
      },
    );
  }

  /** @throws RedisUnusable, RedisUnreachable */
  async start(events: ScheduleStoreEvents): Promise<void> {
    await this.#store.start();
    await this.#store.subscribe([this.#keys.topic]);
    this.#events = events;
  }

  async read(query: RecordQuery): Promise<RecordPage> {
    const { records, due, names } = this.#keys;
    const answer = await this.#run(this.#scripts.read, [records, due, names], [maxPageBytes, ...argumentsOf(query)]);
    return parsePage(answer as readonly string[]);
  }

  async write(writes: readonly RecordWrite[], token?: number): Promise<readonly WriteOutcome[]> {
    if (writes.length === 0) return [];
    const { records, due, names, counters, lease, topic } = this.#keys;
    const { maxSchedules, scheduleBytes } = this.#options.limits;
    const settings = [token ?? "", maxSchedules, scheduleBytes, topic, this.#store.publishVerb];
    const args = [...settings, ...writes.flatMap(argumentsOfWrite)];
    const answer = await this.#run(this.#scripts.write, [records, due, names, counters, lease], args);
    const words = answer as readonly string[];
    return words[0] === "fenced" ? writes.map(() => ({ outcome: "fenced" })) : words.map(toOutcome);
  }

  async lease({ holder, wish }: LeaseRequest): Promise<Lease> {
    const { lease, counters, topic } = this.#keys;
    const args = [holder, wish, this.#options.leaseMs ?? leaseMs, topic, this.#store.publishVerb];
    const answer = await this.#run(this.#scripts.lease, [lease, counters], args);
    const [token, expiresInMs] = answer as readonly [string, number];
    return { token: token === "" ? undefined : Number(token), expiresInMs: Math.max(0, expiresInMs) };
  }

  async close(): Promise<void> {
    this.#events = undefined;
    this.#store.close();
  }

  async #run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#store.shardOf(this.#keys.records).commands.run(script, keys, args);
    } catch (error) {
      if (error instanceof RedisUnreachable || error instanceof RedisUnusable) {
        throw schedulesUnavailable(error.message, error);
      }
      throw error;
    }
  }

  #receive(text: string): void {
    if (text === "free") this.#events?.onFree();
    else if (text.startsWith("due ")) this.#events?.onDue(Number(text.slice(4)));
  }
}

function argumentsOf(query: RecordQuery): readonly (string | number)[] {
  if (query.by === "id") return ["id", ...query.ids];
  if (query.by === "due") return ["due", query.until, query.limit];
  const { prefix, after, limit } = query;
  const first = after !== "" && after >= prefix ? `(${after}` : prefix === "" ? "-" : `[${prefix}`;
  // Ids are ASCII, so this comes after all that begin with the prefix.
  return ["name", first, prefix === "" ? "+" : `[${prefix}\u00ff`, limit];
}

function argumentsOfWrite({ id, expected, record }: RecordWrite): readonly (string | number)[] {
  if (record === null) return [id, expected, 0, "delete", "-", ""];
  return [id, expected, costOfRecord(id, record.text), "set", record.dueAt ?? "-", record.text];
}

function toOutcome(word: string): WriteOutcome {
  if (word === "conflict") return { outcome: "conflict" };
  if (word === "count" || word === "bytes") return { outcome: "full", limit: word };
  return { outcome: "written", version: Number(word) };
}

function parsePage([next = "-", ...rest]: readonly string[]): RecordPage {
  const records = [];
  for (let at = 0; at + 1 < rest.length; at += 2) records.push(parseRecord(rest[at] ?? "", rest[at + 1] ?? ""));
  return { records, nextDueAt: next === "-" ? null : Number(next) };
}

/** @param value `version dueAt text` */
function parseRecord(id: string, value: string) {
  const afterVersion = value.indexOf(" ");
  const afterDue = value.indexOf(" ", afterVersion + 1);
  const due = value.slice(afterVersion + 1, afterDue);
  return {
    id,
    version: Number(value.slice(0, afterVersion)),
    dueAt: due === "-" ? null : Number(due),
    text: value.slice(afterDue + 1),
  };
}
