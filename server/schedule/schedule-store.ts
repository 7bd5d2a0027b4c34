/**
 * Keeps the schedules of one server, and says which scheduler may fire them.
 *
 * Records are texts that the store does not read. Each write names the version that it replaces, so that of two writers only
 * one succeeds, and it may name a fencing token, so that a scheduler that lost its lease without noticing changes nothing.
 * An occurrence is published only between two such writes; see scheduler.ts.
 *
 * Writes of one call are applied in order, and each can fail without the others. A version is never used twice, also for a
 * record that was deleted and made again. When the store cannot be reached, calls reject with ServiceError
 * "broker-unavailable": a write may or may not have been applied.
 */
export interface ScheduleStore {
  /** Whether a restart of the server keeps the records. Known once it is started. */
  readonly isDurable: boolean;
  /** Connects, and from then on calls `events`. Called once. */
  start(events: ScheduleStoreEvents): Promise<void>;
  /** The result is cut to about 1 MiB: it may have fewer records than asked for, but one at least. */
  read(query: RecordQuery): Promise<RecordPage>;
  /** @param token writes nothing and answers "fenced" for each, unless the lease with this token is held */
  write(writes: readonly RecordWrite[], token?: number): Promise<readonly WriteOutcome[]>;
  /** Takes, renews or releases the lease. There is one in the whole server. */
  lease(request: LeaseRequest): Promise<Lease>;
  /** Does not release the lease. Idempotent. */
  close(): Promise<void>;
}

/** Callbacks of a store. They must not throw or wait. Some calls may be lost with a connection. */
export interface ScheduleStoreEvents {
  /** A record with this due time was written, by any process. */
  onDue(dueAt: number): void;
  /** The lease may be free: it was released or offered, it has expired, or the connection was restored. */
  onFree(): void;
}

/** One schedule in the store. */
export interface StoredRecord {
  readonly id: string;
  readonly version: number;
  /** When a scheduler must read it, in milliseconds since 1970; null: never. */
  readonly dueAt: number | null;
  readonly text: string;
}

export type RecordQuery =
  | { readonly by: "id"; readonly ids: readonly string[] }
  /** Ids that begin with the prefix, in order, after one of them. */
  | { readonly by: "name"; readonly prefix: string; readonly after: string; readonly limit: number }
  /** Records that are due until a time, this one included, the earliest first. */
  | { readonly by: "due"; readonly until: number; readonly limit: number };

export interface RecordPage {
  readonly records: readonly StoredRecord[];
  /** The due time of the first record that is due later; only for `due`. */
  readonly nextDueAt: number | null;
}

/** A record to write, or to delete. */
export interface RecordWrite {
  readonly id: string;
  /** The version that it replaces; 0: there is none. */
  readonly expected: number;
  /** Null deletes it. */
  readonly record: Pick<StoredRecord, "dueAt" | "text"> | null;
}

export type WriteOutcome =
  | { readonly outcome: "written"; readonly version: number }
  /** The record has another version, or is gone. */
  | { readonly outcome: "conflict" }
  /** One of the limits for new or larger records is reached. */
  | { readonly outcome: "full"; readonly limit: "count" | "bytes" }
  | { readonly outcome: "fenced" };

export interface LeaseRequest {
  /** Identifies the scheduler. */
  readonly holder: string;
  /**
   * `take`: takes it if it is free or offered, or keeps it. `offer`: the same, but only if it is free, and another
   * scheduler may take it at any time. `release`: gives it up.
   */
  readonly wish: "take" | "offer" | "release";
}

/**
 * `token` is undefined if the caller does not hold the lease. Otherwise it is larger than the tokens of all earlier
 * holders.
 */
export interface Lease {
  readonly token: number | undefined;
  /** Milliseconds until the lease expires, no matter which member has it. */
  readonly expiresInMs: number;
}

/** The limits of a store. */
export interface StoreLimits {
  readonly maxSchedules: number;
  readonly scheduleBytes: number;
}

/** How long a lease lasts without renewal, milliseconds. The holder renews it three times as often. */
export const leaseMs = 6000;

/** Bytes of records in one answer. */
export const maxPageBytes = 1024 * 1024;

/** The size of a record for `scheduleBytes`: its text, and about the overhead of a store. */
export function costOfRecord(id: string, text: string): number {
  return 200 + 2 * id.length + Buffer.byteLength(text);
}
