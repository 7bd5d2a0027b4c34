import type { Clock } from "../../lib/clock.ts";
import {
  costOfRecord,
  maxPageBytes,
  type RecordPage,
  type RecordQuery,
  type RecordWrite,
  type ScheduleStoreEvents,
  type StoredRecord,
  type StoreLimits,
  type WriteOutcome,
} from "../schedule-store.ts";
import { DueIndex } from "./due-index.ts";
import { LeaseBook } from "./lease-book.ts";
import { SortedIds } from "./sorted-ids.ts";

/** A record as it is now; undefined if it was deleted. */
export type Change = readonly [id: string, record: StoredRecord | undefined];

export interface RecordsOptions {
  readonly limits: StoreLimits;
  readonly clock: Clock;
  /**
   * Called before a write is answered. If it throws, the write is undone and rejected with its error.
   * @param existed whether a record was there before the write
   */
  readonly persist?: (changes: readonly Change[], existed: (id: string) => boolean) => void;
}

/** Everything that a store holds, for a process that takes over from this one. */
export interface RecordsDump {
  readonly records: readonly StoredRecord[];
  readonly lastVersion: number;
  readonly lastToken: number;
}

/** The records and the lease of one server in the memory of one process, shared by the stores that are connected to it. */
export class Records {
  readonly lease: LeaseBook;
  readonly #options: RecordsOptions;
  readonly #records = new Map<string, StoredRecord>();
  readonly #ids = new SortedIds();
  readonly #due: DueIndex;
  readonly #listeners = new Set<ScheduleStoreEvents>();
  #bytes = 0;
  #lastVersion = 0;

  constructor(options: RecordsOptions) {
    this.#options = options;
    this.#due = new DueIndex(({ id, version }) => this.#records.get(id)?.version === version);
    this.lease = new LeaseBook(options.clock, () => {
      for (const { onFree } of this.#listeners) queueMicrotask(onFree);
    });
  }

  listen(events: ScheduleStoreEvents): void {
    this.#listeners.add(events);
  }

  unlisten(events: ScheduleStoreEvents): void {
    this.#listeners.delete(events);
  }

  read(query: RecordQuery): RecordPage {
    if (query.by === "id") return { records: cut(this.#existing(query.ids)), nextDueAt: null };
    if (query.by === "name") {
      const ids = this.#ids.from(query.prefix, query.after).take(query.limit);
      return { records: cut(this.#existing(ids)), nextDueAt: null };
    }
    const { due, next } = this.#due.first(query.until, query.limit);
    const records = cut(this.#existing(due.map(({ id }) => id)));
    const isCut = records.length < due.length;
    return { records, nextDueAt: (isCut ? due[records.length]?.dueAt : next?.dueAt) ?? null };
  }

  write(writes: readonly RecordWrite[], token?: number): readonly WriteOutcome[] {
    if (token !== undefined && !this.lease.isHeldWith(token)) return writes.map(() => ({ outcome: "fenced" }));
    const before: Change[] = [];
    const outcomes = writes.map((it) => this.#write(it, token !== undefined, before));
    const changed = [...new Set(before.map(([id]) => id))];
    try {
      const existed = (id: string) => before.find(([it]) => it === id)?.[1] !== undefined;
      const changes = changed.map((id): Change => [id, this.#records.get(id)]);
      if (changes.length > 0) this.#options.persist?.(changes, existed);
    } catch (error) {
      for (const [id, record] of before.reverse()) this.#set(id, record);
      throw error;
    }
    this.#announce(changed);
    return outcomes;
  }

  dump(): RecordsDump {
    return {
      records: [...this.#records.values()],
      lastVersion: this.#lastVersion,
      lastToken: this.lease.lastToken,
    };
  }

  /** Takes over the records of another process. Call it before anything else. Limits are not applied. */
  load({ records, lastVersion, lastToken }: RecordsDump): void {
    for (const record of records) this.#set(record.id, record);
    this.#lastVersion = lastVersion;
    for (const { version } of records) this.#lastVersion = Math.max(this.#lastVersion, version);
    this.lease.continueAfter(lastToken);
  }

  close(): void {
    this.lease.close();
  }

  #write({ id, expected, record }: RecordWrite, isFenced: boolean, before: Change[]): WriteOutcome {
    const current = this.#records.get(id);
    if ((current?.version ?? 0) !== expected) return { outcome: "conflict" };
    // A write of the scheduler must not fail because others have filled the store.
    const limit = record === null || isFenced ? undefined : this.#exceeded(id, record.text, current);
    if (limit !== undefined) return { outcome: "full", limit };
    before.push([id, current]);
    const version = ++this.#lastVersion;
    this.#set(id, record === null ? undefined : { id, version, ...record });
    return { outcome: "written", version };
  }

  #exceeded(id: string, text: string, current: StoredRecord | undefined): "count" | "bytes" | undefined {
    const { maxSchedules, scheduleBytes } = this.#options.limits;
    if (current === undefined && this.#records.size >= maxSchedules) return "count";
    const more = costOfRecord(id, text) - (current === undefined ? 0 : costOfRecord(id, current.text));
    return more > 0 && this.#bytes + more > scheduleBytes ? "bytes" : undefined;
  }

  #set(id: string, record: StoredRecord | undefined): void {
    const current = this.#records.get(id);
    if (current !== undefined) {
      this.#bytes -= costOfRecord(id, current.text);
      if (current.dueAt !== null) this.#due.removed();
    }
    if (record === undefined) {
      this.#records.delete(id);
      if (current !== undefined) this.#ids.remove(id);
      return;
    }
    this.#records.set(id, record);
    this.#bytes += costOfRecord(id, record.text);
    if (current === undefined) this.#ids.add(id);
    if (record.dueAt !== null) this.#due.add({ dueAt: record.dueAt, id, version: record.version });
  }

  #announce(changed: readonly string[]): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const id of changed) earliest = Math.min(earliest, this.#records.get(id)?.dueAt ?? earliest);
    if (earliest === Number.POSITIVE_INFINITY) return;
    for (const { onDue } of this.#listeners) queueMicrotask(() => onDue(earliest));
  }

  *#existing(ids: Iterable<string>): Generator<StoredRecord> {
    for (const id of ids) {
      const record = this.#records.get(id);
      if (record !== undefined) yield record;
    }
  }
}

/** The first records, up to the size of an answer. */
function cut(records: Iterable<StoredRecord>): readonly StoredRecord[] {
  const page: StoredRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    bytes += costOfRecord(record.id, record.text);
    if (bytes > maxPageBytes && page.length > 0) break;
    page.push(record);
  }
  return page;
}
