import type { CloseReason } from "../../protocol/close-codes.ts";
import type { Backlog } from "../../server/session/backlog.ts";
import type { Connection, Outcome, StallCause } from "../../server/session/connection.ts";
import type { Encoded, WireForm } from "../../server/session/wire-form.ts";
import { plainForm } from "../../server/transport/websocket/plain-form.ts";
import { type ReadWrite, readWrite, type Said } from "./reading.ts";

/** Bytes from which on a fake socket is full, and from which on it takes nothing. */
export interface SocketRoom {
  readonly fullBytes: number;
  readonly refuseBytes: number;
}

interface Waiting extends ReadWrite {
  readonly bytes: number;
}

/**
 * A socket of a test. Its other side reads at once, until it stalls: then writes wait here, up to the room there is, until
 * it goes on or makes some progress.
 */
export class FakeConnection implements Connection {
  readonly wireForm: WireForm;
  onDrain: () => void = () => undefined;
  onStall: (cause: StallCause) => void = () => undefined;
  /** Told of what waits, as a transport does it. */
  backlog: Backlog | undefined;
  /** Each write in the turn in which it is taken, before the other side has it. */
  onTaken: (write: ReadWrite) => void = () => undefined;
  /** Each write once the other side has it. */
  onReceived: (write: ReadWrite) => void = () => undefined;
  onClose: (reason: CloseReason) => void = () => undefined;
  closedWith: CloseReason | undefined;
  /** Where the goodbye says that the session stands. */
  goodbyeCursor: string | undefined;
  pings = 0;
  /** Everything that was taken so far, in order. */
  readonly taken: Said[] = [];
  /** How many writes were taken. */
  writes = 0;
  /** Thrown by each `send`, although none may: a bug of a transport. */
  fault: Error | undefined;
  readonly #room: SocketRoom;
  #waiting: Waiting[] = [];
  #isStalled = false;
  #isGone = false;

  constructor(wireForm: WireForm = plainForm, room: SocketRoom = { fullBytes: 64 * 1024, refuseBytes: 1024 * 1024 }) {
    this.wireForm = wireForm;
    this.#room = room;
  }

  send(encoded: Encoded): Outcome {
    if (this.#isGone || this.closedWith !== undefined) return "closed";
    if (this.fault !== undefined) throw this.fault;
    if (this.buffered() > this.#room.refuseBytes) return "refused";
    const write = readWrite(this.wireForm, encoded);
    this.writes++;
    this.taken.push(...write.said);
    this.onTaken(write);
    const bytes = encoded.reduce((sum, part) => sum + part.length, 0);
    if (this.#isStalled) this.#waiting.push({ ...write, bytes });
    else this.onReceived(write);
    this.#note();
    return this.buffered() > this.#room.fullBytes ? "full" : "sent";
  }

  buffered(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  ping(): void {
    this.pings++;
  }

  close(reason: CloseReason, cursor = ""): void {
    if (this.closedWith !== undefined || this.#isGone) return;
    this.closedWith = reason;
    this.goodbyeCursor = cursor;
    this.backlog?.note(this, 0);
    this.onClose(reason);
  }

  drop(reason: CloseReason): void {
    this.#waiting = [];
    this.close(reason);
  }

  /** The other side reads no more. */
  stall(): void {
    this.#isStalled = true;
  }

  /** The oldest write gets through. */
  progress(): void {
    const write = this.#waiting.shift();
    if (write === undefined) return;
    this.onReceived(write);
    this.#note();
    this.onDrain();
  }

  /** The other side reads all there is, and goes on reading. */
  resume(): void {
    this.#isStalled = false;
    const waited = this.#waiting.length > 0;
    for (const write of this.#waiting.splice(0)) this.onReceived(write);
    this.#note();
    if (waited) this.onDrain();
  }

  /** The other side is gone without a word; what waited is lost. */
  vanish(): void {
    this.#isGone = true;
    this.#waiting = [];
    this.#note();
  }

  #note(): void {
    this.backlog?.note(this, this.buffered());
  }

  /** Frames of one type, or system frames of one event. */
  of(kind: string): readonly Said[] {
    return this.taken.filter(({ type, event }) => type === kind || (type === "system" && event === kind));
  }
}
