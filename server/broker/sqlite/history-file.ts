import type { Database } from "bun:sqlite";
import type { HistoryRules } from "../log.ts";

/** A channel as the file knows it: its numbering, which outlives what is kept of it. */
export interface ChannelRow extends HistoryRules {
  /** Its name in the other tables; a channel that was forgotten and came again has another. */
  readonly number: number;
  readonly name: string;
  readonly epoch: string;
  /** Counts where no publication is kept: where there are some, it is the offset of the last. */
  readonly top: number;
  /** As in `KeptChannel`; null: nothing was dropped yet. */
  readonly droppedUntil: number | null;
}

/** Where a publication stands, without what it says. */
export interface PublicationPlace {
  /** Grows with each publication of any channel. */
  readonly row: number;
  /** The channel's number. */
  readonly channel: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly storedAt: number;
  /** By `costOf`. */
  readonly size: number;
}

export interface PublicationRow extends PublicationPlace {
  /** See stored-body.ts. */
  readonly body: string;
}

/** An id that a publisher chose; kept apart, since it has to outlive what it was given to. */
export interface IdRow {
  /** That of its publication. */
  readonly row: number;
  readonly channel: string;
  /** As JSON, which keeps halves of surrogate pairs apart. */
  readonly id: string;
  readonly epoch: string;
  readonly offset: number;
  readonly storedAt: number;
}

/**
 * The tables of a history and everything that is ever asked of them. Publications and ids are only appended, and the
 * oldest taken away: an index on channel and offset would cost four times as much as the append, so where things lie is
 * known by whoever holds this (see filed-ledger.ts).
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

  addPublication({ row, channel, offset, storedAt, size, body }: PublicationRow): void {
    this.#statements.addPublication.run(row, channel, offset, storedAt, size, body);
  }

  addId({ row, channel, id, epoch, offset, storedAt }: IdRow): void {
    this.#statements.addId.run(row, channel, id, epoch, offset, storedAt);
  }

  saveChannel(channel: ChannelRow): void {
    const { number, name, epoch, top, droppedUntil, historySize, historyTtl, historyBytes } = channel;
    this.#statements.saveChannel.run(number, name, epoch, top, droppedUntil, historySize, historyTtl, historyBytes);
  }

  /** Writes something that means nothing, to know whether writing works. */
  touch(now: number): void {
    this.#statements.touch.run(now);
  }

  /** What stands in a row; undefined if there is none, which is never so for a row that was added and not dropped. */
  bodyOf(row: number): string | undefined {
    return this.#statements.body.get(row)?.body;
  }

  dropPublication(row: number): void {
    this.#statements.dropPublication.run(row);
  }

  /** Looks at the `most` oldest ids and drops those that were stored before `time`. @returns how many */
  dropIdsBefore(time: number, most: number): number {
    return this.#statements.dropIds.run(most, time).changes;
  }

  dropChannel(number: number): void {
    this.#statements.dropChannel.run(number);
  }

  /** By their numbers. */
  channels(): Iterable<ChannelRow> {
    return this.#all<ChannelRow>(
      `SELECT number, name, epoch, top, dropped_until AS droppedUntil, history_size AS historySize,
        history_ttl AS historyTtl, history_bytes AS historyBytes FROM channels ORDER BY number`,
    );
  }

  /** In the order in which they were stored. */
  places(): Iterable<PublicationPlace> {
    return this.#all<PublicationPlace>(
      "SELECT row, channel, offset, stored_at AS storedAt, size FROM publications ORDER BY row",
    );
  }

  /** In the order in which they were stored. */
  ids(): Iterable<IdRow> {
    return this.#all<IdRow>("SELECT row, channel, id, epoch, offset, stored_at AS storedAt FROM ids ORDER BY row");
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
  return {
    begin: database.prepare<unknown, []>("BEGIN IMMEDIATE"),
    commit: database.prepare<unknown, []>("COMMIT"),
    addPublication: database.prepare<unknown, [number, number, number, number, number, string]>(
      "INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?)",
    ),
    addId: database.prepare<unknown, [number, string, string, string, number, number]>(
      "INSERT INTO ids VALUES (?, ?, ?, ?, ?, ?)",
    ),
    body: database.prepare<{ readonly body: string }, [number]>("SELECT body FROM publications WHERE row = ?"),
    dropPublication: database.prepare<unknown, [number]>("DELETE FROM publications WHERE row = ?"),
    dropIds: database.prepare<unknown, [number, number]>(
      `DELETE FROM ids WHERE row IN
        (SELECT row FROM (SELECT row, stored_at FROM ids ORDER BY row LIMIT ?) WHERE stored_at < ?)`,
    ),
    saveChannel: database.prepare<unknown, [number, string, string, number, number | null, number, number, number]>(
      "INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    dropChannel: database.prepare<unknown, [number]>("DELETE FROM channels WHERE number = ?"),
    touch: database.prepare<unknown, [number]>("UPDATE life SET touched_at = ?"),
  };
}
