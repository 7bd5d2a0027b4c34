import type { Database } from "bun:sqlite";
import { checksumOf } from "./checksum.ts";
import {
  type Audited,
  type ChannelRow,
  type Checked,
  channelChecksum,
  channelColumns,
  type IdRow,
  idChecksum,
  idColumns,
  isBody,
  type PublicationPlace,
  type PublicationRow,
  placeChecksum,
  placeColumns,
  type StateRow,
  stateChecksum,
} from "./rows.ts";

/**
 * The tables of a history, with all their queries. Publications and ids are appended, and deleted oldest first. The tables
 * have no index on channel and offset, which would cost four times as much as the append. Instead the caller keeps the row
 * numbers (see stored-ledger.ts). Each row has a checksum, which is verified on each read.
 *
 * @throws SQLiteError from every method. The transaction has then failed as a whole.
 */
export class HistoryFile {
  readonly #database: Database;
  readonly #statements: ReturnType<typeof prepare>;

  /** @param database Open, with its tables (open-database.ts). */
  constructor(database: Database) {
    this.#database = database;
    this.#statements = prepare(database);
  }

  begin(): void {
    this.#statements.begin.run();
  }

  /** Returns once the transaction is on disk. */
  commit(): void {
    this.#statements.commit.run();
  }

  /** Rolls back everything since `begin`. After some errors SQLite has already done so. */
  rollback(): void {
    if (this.#database.inTransaction) this.#database.run("ROLLBACK");
  }

  addPublication(publication: PublicationRow): void {
    const { row, channel, offset, storedAt, timestamp, size, body } = publication;
    const bodyChecksum = checksumOf(body);
    const checksum = placeChecksum(publication, bodyChecksum);
    this.#statements.addPublication.run(row, channel, offset, storedAt, timestamp, size, bodyChecksum, checksum, body);
  }

  addId(it: IdRow): void {
    const { row, channel, id, epoch, offset, storedAt } = it;
    this.#statements.addId.run(row, channel, id, epoch, offset, storedAt, idChecksum(it));
  }

  saveChannel(channel: ChannelRow): void {
    const { number, name, epoch, top, droppedUntil, droppedThrough, historySize, historyTtl, historyBytes } = channel;
    const rules = [historySize, historyTtl, historyBytes] as const;
    const checksum = channelChecksum(channel);
    this.#statements.saveChannel.run(number, name, epoch, top, droppedUntil, droppedThrough, ...rules, checksum);
  }

  saveState(it: StateRow): void {
    const { runId, witness, changes, deleted, lastRow, savedAt, savedWall } = it;
    this.#statements.saveState.run(runId, witness, changes, deleted, lastRow, savedAt, savedWall, stateChecksum(it));
  }

  /** Writes a value without meaning, to find out whether writing works. */
  touch(now: number): void {
    this.#statements.touch.run(now);
  }

  /** The body of a publication. Undefined if it is damaged or deleted. */
  bodyOf(row: number): string | undefined {
    const found = this.#statements.body.get(row);
    return found !== null && isBody(found.body, found.bodyChecksum) ? found.body : undefined;
  }

  /** @returns how many rows were deleted: 1, or 0 if there was none */
  dropPublication(row: number): number {
    return this.#statements.dropPublication.run(row).changes;
  }

  /** Drops those of the `most` oldest ids that were stored before `time`. @returns how many */
  dropIdsBefore(time: number, most: number): number {
    return this.#statements.dropIds.run(most, time).changes;
  }

  dropId(row: number): void {
    this.#database.run("DELETE FROM ids WHERE row = ?", [row]);
  }

  dropChannel(number: number): void {
    this.#statements.dropChannel.run(number);
  }

  /** Undefined if it is missing or damaged. */
  state(): StateRow | undefined {
    const rows = [
      ...this.#all<StateRow & Checked>(
        "SELECT life AS runId, witness, changes, deleted, last_row AS lastRow, saved_at AS savedAt, saved_wall AS savedWall, checksum FROM life",
      ),
    ];
    const [row] = rows;
    if (row === undefined || rows.length > 1) return undefined;
    const { checksum, ...state } = row;
    return checksum === stateChecksum(state) ? state : undefined;
  }

  /** In the order of their numbers. */
  *channels(): Iterable<Audited<ChannelRow>> {
    const query = `SELECT ${channelColumns} FROM channels ORDER BY number`;
    for (const { checksum, ...row } of this.#all<ChannelRow & Checked>(query)) {
      yield { ...row, isIntact: checksum === channelChecksum(row) };
    }
  }

  /** In the order in which they were stored, without their bodies. */
  *places(): Iterable<Audited<PublicationPlace>> {
    const query = `SELECT ${placeColumns} FROM publications ORDER BY row`;
    for (const { bodyChecksum, checksum, ...place } of this.#all<
      PublicationPlace & Checked & { readonly bodyChecksum: number }
    >(query)) {
      yield { ...place, isIntact: checksum === placeChecksum(place, bodyChecksum) };
    }
  }

  /** Publications with a damaged body. Reads all bodies. */
  *damagedBodies(): Iterable<Pick<PublicationPlace, "row" | "channel" | "offset">> {
    type Body = Pick<PublicationPlace, "row" | "channel" | "offset"> & {
      readonly bodyChecksum: number;
      readonly body: unknown;
    };
    for (const { bodyChecksum, body, ...it } of this.#all<Body>(
      "SELECT row, channel, offset, body_checksum AS bodyChecksum, body FROM publications ORDER BY row",
    )) {
      if (!isBody(body, bodyChecksum)) yield it;
    }
  }

  /** In the order in which they were stored. */
  *ids(): Iterable<Audited<IdRow>> {
    for (const { checksum, ...it } of this.#all<IdRow & Checked>(`SELECT ${idColumns} FROM ids ORDER BY row`)) {
      yield { ...it, isIntact: checksum === idChecksum(it) };
    }
  }

  /** Finalizes the statements too, because they keep the file open and locked. */
  close(): void {
    for (const statement of Object.values(this.#statements)) statement.finalize();
    this.#database.close();
  }

  #all<Row>(query: string): Iterable<Row> {
    return this.#database.query<Row, []>(query).iterate();
  }
}

function prepare(database: Database) {
  type Numbers = [number, number, number, number, number, number, number, number];
  return {
    begin: database.prepare<unknown, []>("BEGIN IMMEDIATE"),
    commit: database.prepare<unknown, []>("COMMIT"),
    addPublication: database.prepare<unknown, [...Numbers, string]>(
      "INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    addId: database.prepare<unknown, [number, string, string, string, number, number, number]>(
      "INSERT INTO ids VALUES (?, ?, ?, ?, ?, ?, ?)",
    ),
    body: database.prepare<{ readonly bodyChecksum: number; readonly body: unknown }, [number]>(
      "SELECT body_checksum AS bodyChecksum, body FROM publications WHERE row = ?",
    ),
    dropPublication: database.prepare<unknown, [number]>("DELETE FROM publications WHERE row = ?"),
    dropIds: database.prepare<unknown, [number, number]>(
      `DELETE FROM ids WHERE row IN
        (SELECT row FROM (SELECT row, stored_at FROM ids ORDER BY row LIMIT ?) WHERE stored_at < ?)`,
    ),
    saveChannel: database.prepare<
      unknown,
      [number, string, string, number, number | null, number, number, number, number, number]
    >("INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
    dropChannel: database.prepare<unknown, [number]>("DELETE FROM channels WHERE number = ?"),
    saveState: database.prepare<unknown, [string, string, number, number, number, number, number, number]>(
      "INSERT OR REPLACE INTO life VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
    ),
    touch: database.prepare<unknown, [number]>("UPDATE life SET touched_at = ?"),
  };
}
