import type { ChannelName } from "../../protocol/channel-name.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { RecentLists } from "./recent-lists.ts";
import type { ChannelGap, DatedRefusal, Departure, Gap, Note, Refusal } from "./records.ts";

/** Records per connection, user or channel. */
const perKey = 16;
/** Bytes of each kind of record in this worker. Records are about 300 bytes, so this is more than ten thousand of each. */
const bytesPerKind = 4 * 1024 * 1024;
/** An object with its fields and its place in a list, without its texts. */
const objectBytes = 160;
/** A connection may have been in many channels; those it joined first are recorded. */
const maxChannels = 32;

const bytesOfNote = (note: Note): number =>
  objectBytes + note.channel.length + (note.kind === "refused" ? note.reason.length : 0);
const bytesOfDeparture = ({ channels, notes, remote }: Departure): number =>
  objectBytes +
  remote.length +
  channels.reduce((sum, { channel }) => sum + objectBytes + channel.length, 0) +
  notes.reduce((sum, note) => sum + bytesOfNote(note), 0);
const bytesOfRefusal = ({ reason, action, channel, id, user }: Refusal): number =>
  objectBytes + reason.length + action.length + (channel?.length ?? 0) + (id?.length ?? 0) + (user?.length ?? 0);

/**
 * A worker's records for explaining why a publication did not arrive. Whatever follows from the cursors of open connections
 * is not recorded; only facts that they do not show, and ended connections. Nothing is recorded per publication, so
 * delivery costs nothing.
 */
export class Journal {
  /** Refusals since the start, by code. */
  readonly refusals = new Map<ErrorCode, number>();
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #notes = new RecentLists<Note>({ perKey, totalBytes: bytesPerKind, bytesOf: bytesOfNote });
  readonly #gaps = new RecentLists<ChannelGap>({ perKey, totalBytes: bytesPerKind, bytesOf: () => objectBytes });
  readonly #departures = new RecentLists<Departure>({ perKey, totalBytes: bytesPerKind, bytesOf: bytesOfDeparture });
  readonly #byUser = new RecentLists<DatedRefusal>({ perKey, totalBytes: bytesPerKind, bytesOf: bytesOfRefusal });
  readonly #byChannel = new RecentLists<DatedRefusal>({ perKey, totalBytes: bytesPerKind, bytesOf: bytesOfRefusal });

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Something happened to an open connection. */
  noted(connection: string, note: Unstamped<Note>): void {
    this.#notes.add(connection, { ...note, at: this.#clock.monotonic() } as Note);
  }

  /** All members of a channel received a gap for these publications. */
  lost(channel: ChannelName, gap: Gap): void {
    this.#gaps.add(channel, { ...gap, at: this.#clock.monotonic() });
  }

  /** A connection has ended. Its notes become part of the record. */
  ended(departure: Omit<Departure, "at" | "notes">): void {
    const notes = this.#notes.take(departure.connection);
    const channels = departure.channels.slice(0, maxChannels);
    const key = departure.user ?? departure.connection;
    this.#departures.add(key, { ...departure, channels, notes, at: this.#clock.monotonic() });
  }

  refused(refusal: Refusal): void {
    this.refusals.set(refusal.code, (this.refusals.get(refusal.code) ?? 0) + 1);
    const { user, channel } = refusal;
    if (user === undefined && channel === undefined) return;
    const dated = { ...refusal, at: this.#clock.monotonic() };
    if (user !== undefined) this.#byUser.add(user, dated);
    if (channel !== undefined) this.#byChannel.add(channel, dated);
  }

  /** Oldest first. */
  notesOf(connection: string, channel: ChannelName): readonly Note[] {
    return this.#notes.of(connection).filter((note) => note.channel === channel);
  }

  gapsOf(channel: ChannelName): readonly ChannelGap[] {
    return this.#gaps.of(channel);
  }

  /** Connections that have ended, oldest first. */
  departuresOf(user: string): readonly Departure[] {
    return this.#departures.of(user);
  }

  departureOf(connection: string): Departure | undefined {
    return this.#departures.find((it) => it.connection === connection);
  }

  refusalsOfUser(user: string): readonly DatedRefusal[] {
    return this.#byUser.of(user);
  }

  refusalsOfChannel(channel: ChannelName): readonly DatedRefusal[] {
    return this.#byChannel.of(channel);
  }
}

/** A record before it gets its time. */
type Unstamped<T> = T extends unknown ? Omit<T, "at"> : never;
