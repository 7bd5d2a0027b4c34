import { parseChannelName } from "../../protocol/channel-name.ts";
import { type Position, parseCursor, type Since } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { ReadWrite, ReceivedFrame, ReceivedJoin } from "../fakes/reading.ts";

/** The stored publications. A client's frames are checked against them. */
export interface StoredState {
  /** The current epoch of the channel, if there is one. */
  epoch(channel: string): string | undefined;
  /** All publications of an epoch, starting with offset 1; undefined for an unknown epoch. */
  stored(channel: string, epoch: string): readonly Publication[] | undefined;
  /** Offsets up to this one are no longer in the history. */
  forgotten(channel: string, epoch: string): number;
  /** A repair may have timed out. Then a reader may receive messages before its position again. */
  readonly mayRepeat: boolean;
}

/**
 * Checks the frames of one connection against the delivery guarantees as they arrive: nothing missing, nothing twice, in order,
 * each gap announced with its exact range and only if the history is too short.
 */
export class Reader {
  /** The first fault, if there was one. */
  fault: string | undefined;
  connectionId: string | undefined;
  resumeKey: string | undefined;
  /** The positions in all its channels, as a client tracks them. */
  readonly positions = new Map<string, Position>();
  /** The requested positions that answers should refer to, by `ref`; those of the welcome by channel. */
  readonly asked = new Map<string | number, Since>();
  gaps = 0;
  resumed = 0;
  readonly #truth: StoredState;
  readonly #seen = new Map<string, Set<string>>();

  constructor(truth: StoredState) {
    this.#truth = truth;
  }

  read({ frames, cursor }: ReadWrite): void {
    for (const frame of frames) this.#take(frame);
    if (cursor !== undefined && this.fault === undefined) this.#checkCursor(cursor);
  }

  /** Checks the final positions, when nothing is in flight any more. */
  checkEnd(): void {
    for (const [channel, { epoch, offset }] of this.positions) {
      const now = this.#truth.epoch(channel) ?? epoch;
      const top = this.#truth.stored(channel, now)?.length ?? 0;
      this.#expect(
        epoch === now && offset === top,
        `${channel}: ended at ${epoch} ${offset}, the top is ${now} ${top}`,
      );
    }
  }

  #take(frame: ReceivedFrame): void {
    if (this.connectionId === undefined) this.#expect(frame.event === "welcome", `${frame.type} before the welcome`);
    switch (frame.type) {
      case "message":
        this.#message(frame);
        break;
      case "advance":
        this.#advance(frame);
        break;
      case "subscribed":
        this.#join(frame.channel ?? "", frame as ReceivedJoin, this.asked.get(frame.ref ?? ""));
        break;
      case "unsubscribed":
        this.positions.delete(frame.channel ?? "");
        this.#seen.delete(frame.channel ?? ""); // A client that joins again may request the same messages again.
        break;
      case "system":
        if (frame.event === "welcome") this.#welcome(frame);
        if (frame.event === "gap") this.#gap(frame);
    }
  }

  #welcome({ channels = {}, connection_id, resume_key }: ReceivedFrame): void {
    this.#expect(this.connectionId === undefined, "a second welcome");
    this.connectionId = connection_id ?? "";
    this.resumeKey = resume_key;
    for (const [channel, join] of Object.entries(channels)) this.#join(channel, join, this.asked.get(channel));
  }

  #join(channel: string, join: ReceivedJoin, since: Since | undefined): void {
    const at = `${channel} joined ${JSON.stringify(join)} since ${JSON.stringify(since)}`;
    const known = this.positions.get(channel);
    if (known !== undefined) {
      this.#expect(join.from === known.offset + 1, `${at} again, but is at ${known.offset}`);
      return;
    }
    const skipped = join.from - 1;
    this.positions.set(channel, { epoch: join.epoch, offset: skipped });
    this.#expect(skipped <= join.offset, `${at}: begins beyond the top`);
    this.#expect(this.#truth.stored(channel, join.epoch) !== undefined, `${at}: an epoch that never existed`);
    if (since === undefined) this.#expect(skipped === join.offset && join.recovered === undefined, `${at}: not live`);
    else if (since.from !== "position") {
      this.#expect(join.recovered === undefined, `${at}: has "recovered", although no position was requested`);
      const { length } = this.#truth.stored(channel, join.epoch) ?? [];
      const wanted = since.from === "last" ? Math.max(0, length - since.count) : 0;
      const forgotten = this.#truth.forgotten(channel, join.epoch);
      this.#expect(skipped <= Math.max(wanted, forgotten), `${at}: skips messages that are in the history`);
    } else this.#resume(at, channel, join, since.position);
  }

  #resume(at: string, channel: string, join: ReceivedJoin, asked: Position): void {
    this.resumed++;
    if (join.recovered === true) {
      const isExact = this.#truth.mayRepeat ? join.from <= asked.offset + 1 : join.from === asked.offset + 1;
      this.#expect(join.epoch === asked.epoch && isExact, `${at}: is not the requested position`);
      return;
    }
    this.#expect(join.recovered === false, `${at}: "recovered" is missing`);
    const forgotten = this.#truth.forgotten(channel, join.epoch);
    this.#expect(join.from - 1 <= forgotten, `${at}: skips messages that are in the history`);
    const { length } = this.#truth.stored(channel, join.epoch) ?? [];
    const isOther = asked.epoch !== join.epoch || asked.offset > length;
    // The epoch has ended in the log, but this worker does not know yet. A gap will follow and report it.
    const isEnding = join.epoch !== this.#truth.epoch(channel);
    const isChanged = join.reason === "epoch-changed";
    this.#expect(isChanged ? isOther || isEnding : join.reason === "history-too-short", `${at}: wrong reason`);
    if (!isChanged) this.#expect(asked.offset < forgotten, `${at}: the history still contains that position`);
  }

  #message(frame: ReceivedFrame): void {
    const channel = frame.channel ?? "";
    const known = this.positions.get(channel);
    const at = `${channel}: message ${frame.offset} "${frame.message}" at ${known?.offset}`;
    this.#expect(known !== undefined, `${at}, not in the channel`);
    if (known === undefined) return;
    if (frame.offset === undefined) {
      this.#seeOnce(at, channel, frame.id ?? "");
      return;
    }
    this.#expect(frame.offset === known.offset + 1, at);
    const stored = this.#truth.stored(channel, known.epoch)?.[frame.offset - 1];
    this.#expect(
      stored !== undefined && stored.id === frame.id && stored.message === frame.message,
      `${at}: not stored`,
    );
    this.#expect(stored?.excludeConnectionId !== this.connectionId, `${at}: this connection is excluded from it`);
    this.#seeOnce(at, channel, frame.message ?? "");
    this.positions.set(channel, { ...known, offset: frame.offset });
  }

  /** Each event arrives once, whatever its offset is. */
  #seeOnce(at: string, channel: string, event: string): void {
    const seen = this.#seen.get(channel) ?? new Set();
    this.#expect(!seen.has(event), `${at}: a duplicate of an earlier event`);
    this.#seen.set(channel, seen.add(event));
  }

  #advance({ channel = "", offset = 0 }: ReceivedFrame): void {
    const known = this.positions.get(channel);
    const at = `${channel}: advance to ${offset} at ${known?.offset}`;
    this.#expect(known !== undefined, `${at}, not in the channel`);
    if (known === undefined) return;
    this.#expect(offset > known.offset, at);
    const passed = this.#truth.stored(channel, known.epoch)?.slice(known.offset, offset) ?? [];
    this.#expect(
      passed.every((it) => it.excludeConnectionId === this.connectionId),
      `${at}: skips messages for this connection`,
    );
    this.positions.set(channel, { ...known, offset });
  }

  #gap({ channel = "", epoch = "", from = 0, to = 0, reason }: ReceivedFrame): void {
    const known = this.positions.get(channel);
    const at = `${channel}: gap ${from} to ${to} (${reason}) at ${known?.offset}`;
    this.#expect(known !== undefined, `${at}, not in the channel`);
    if (known === undefined) return;
    this.gaps++;
    const forgotten = this.#truth.forgotten(channel, epoch);
    this.#expect(to <= forgotten, `${at}: the history contains everything after ${forgotten}`);
    this.positions.set(channel, { epoch, offset: to });
    if (reason === "epoch-changed") {
      const isEpoch = this.#truth.stored(channel, epoch) !== undefined;
      this.#expect(isEpoch && epoch !== known.epoch && from === 1, `${at}: not the start of a new epoch`);
      this.#seen.delete(channel); // A lost event may be published again.
      return;
    }
    this.#expect(reason === "history-too-short" && epoch === known.epoch, `${at}: wrong reason`);
    this.#expect(from === known.offset + 1 && to >= from, `${at}: wrong range`);
  }

  /** The cursor at the end of each write of an event stream is exactly its client's position. */
  #checkCursor(text: string): void {
    const cursor = text === "" ? new Map() : parseCursor(text);
    this.#expect(cursor?.size === this.positions.size, `cursor ${text}: not the channels of the connection`);
    for (const [channel, { epoch, offset }] of this.positions) {
      const name = parseChannelName(channel);
      const given = name === undefined ? undefined : cursor?.get(name);
      this.#expect(given?.epoch === epoch && given.offset === offset, `cursor ${text}: ${channel} is at ${offset}`);
    }
  }

  #expect(isTrue: boolean, otherwise: string): void {
    if (!isTrue) this.fault ??= otherwise;
  }
}
