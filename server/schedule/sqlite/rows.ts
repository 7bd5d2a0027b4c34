import type { StoredRecord } from "../schedule-store.ts";

/** A schedule in the file. */
export interface ScheduleRow {
  readonly id: string;
  readonly version: number;
  readonly due_at: number | null;
  readonly text: string;
  readonly checksum: number;
}

/**
 * Expectations about the whole file. If it has fewer rows than expected, more were lost than those that are visibly
 * damaged.
 */
export interface StateRow {
  readonly last_version: number;
  readonly count: number;
  readonly checksum: number;
}

/** CRC-32 over all that a row says. */
export function checksumOf({ id, version, dueAt, text }: StoredRecord): number {
  return Bun.hash.crc32(`${id}\n${version}\n${dueAt ?? ""}\n${text}`);
}

export function stateChecksum(lastVersion: number, count: number): number {
  return Bun.hash.crc32(`${lastVersion} ${count}`);
}

/** The record in a row; undefined if the row is damaged. */
export function recordOf({ id, version, due_at: dueAt, text, checksum }: ScheduleRow): StoredRecord | undefined {
  const record = { id, version, dueAt, text };
  return typeof id === "string" && typeof text === "string" && checksumOf(record) === checksum ? record : undefined;
}
