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
  type LifeRow,
  lifeChecksum,
  type PublicationPlace,
  type PublicationRow,
  placeChecksum,
  placeColumns,
} from "./rows.ts";

/**
 * The tables of a history and everything that is ever asked of them. Publications and ids are only appended, and the
 * oldest taken away: an index on channel and offset would cost four times as much as the append, so where things lie is
 * known by whoever holds this (see filed-ledger.ts). Each row carries a checksum, which is checked whenever it is read.
 *
 * @throws SQLiteError from every method, with which the transaction has failed as a whole.
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

  /** Returns once it is on the disk. */
  commit(): void {
    this.#statements.commit.run();
  }

  /** Takes everything since `begin` back. Some errors have done so already. */
  rollback(): void {
    if (this.#database.inTransaction) this.#database.run("ROLLBACK");
  }

  addPublication(publication: PublicationRow): void {
    const { row, channel, offset, storedAt, timestamp, size, body } = publication;
    const said = checksumOf(body);
    const checksum = placeChecksum(publication, said);
    this.#statements.addPublication.run(row, channel, offset, storedAt, timestamp, size, said, checksum, body);
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

  saveLife(it: LifeRow): void {
    const { life, witness, changes, deleted, lastRow, savedAt, savedWall } = it;
    this.#statements.saveLife.run(life, witness, changes, deleted, lastRow, savedAt, savedWall, lifeChecksum(it));
  }

  /** Writes something that means nothing, to know whether writing works. */
  touch(now: number): void {
    this.#statements.touch.run(now);
  }

  /** What a publication says; undefined if that is damaged or gone. */
  bodyOf(row: number): string | undefined {
    const found = this.#statements.body.get(row);
    return found !== null && isBody(found.body, found.said) ? found.body : undefined;
  }

  /** @returns how many rows are gone by it: 1, or 0 where it was not there */
  dropPublication(row: number): number {
    return this.#statements.dropPublication.run(row).changes;
  }

  /** Looks at the `most` oldest ids and drops those that were stored before `time`. @returns how many */
  dropIdsBefore(time: number, most: number): number {
    return this.#statements.dropIds.run(most, time).changes;
  }

  dropId(row: number): void {
    this.#database.run("DELETE FROM ids WHERE row = ?", [row]);
  }

  dropChannel(number: number): void {
    this.#statements.dropChannel.run(number);
  }

  /** Undefined where it is missing or damaged. */
  life(): LifeRow | undefined {
    const rows = [
      ...this.#all<LifeRow & Checked>(
        "SELECT life, witness, changes, deleted, last_row AS lastRow, saved_at AS savedAt, saved_wall AS savedWall, checksum FROM life",
      ),
    ];
    const [row] = rows;
    if (row === undefined || rows.length > 1) return undefined;
    const { checksum, ...life } = row;
    return checksum === lifeChecksum(life) ? life : undefined;
  }

  /** By their numbers. */
  *channels(): Iterable<Audited<ChannelRow>> {
    const query = `SELECT ${channelColumns} FROM channels ORDER BY number`;
    for (const { checksum, ...row } of this.#all<ChannelRow & Checked>(query)) {
      yield { ...row, isIntact: checksum === channelChecksum(row) };
    }
  }

  /** In the order in which they were stored. What they say is not looked at. */
  *places(): Iterable<Audited<PublicationPlace>> {
    const query = `SELECT ${placeColumns} FROM publications ORDER BY row`;
    for (const { said, checksum, ...place } of this.#all<PublicationPlace & Checked & { readonly said: number }>(
      query,
    )) {
      yield { ...place, isIntact: checksum === placeChecksum(place, said) };
    }
  }

  /** Rows whose body is not what was stored there. Reads all bodies. */
  *damagedBodies(): Iterable<Pick<PublicationPlace, "row" | "channel" | "offset">> {
    type Body = Pick<PublicationPlace, "row" | "channel" | "offset"> & {
      readonly said: number;
      readonly body: unknown;
    };
    for (const { said, body, ...it } of this.#all<Body>(
      "SELECT row, channel, offset, body_checksum AS said, body FROM publications ORDER BY row",
    )) {
      if (!isBody(body, said)) yield it;
    }
  }

  /** In the order in which they were stored. */
  *ids(): Iterable<Audited<IdRow>> {
    for (const { checksum, ...it } of this.#all<IdRow & Checked>(`SELECT ${idColumns} FROM ids ORDER BY row`)) {
      yield { ...it, isIntact: checksum === idChecksum(it) };
    }
  }

  /** Statements hold the file too, and with it its lock. */
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
    body: database.prepare<{ readonly said: number; readonly body: unknown }, [number]>(
      "SELECT body_checksum AS said, body FROM publications WHERE row = ?",
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
    saveLife: database.prepare<unknown, [string, string, number, number, number, number, number, number]>(
      "INSERT OR REPLACE INTO life VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
    ),
    touch: database.prepare<unknown, [number]>("UPDATE life SET touched_at = ?"),
  };
}
