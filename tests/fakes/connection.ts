import type { CloseReason } from "../../protocol/close-codes.ts";
import type { Backlog } from "../../server/session/backlog.ts";
import type { Connection, ConnectionOwner, Outcome, StallCause } from "../../server/session/connection.ts";
import type { WheelMember } from "../../server/session/wheel.ts";
import type { Encoded, WireForm } from "../../server/session/wire-form.ts";
import { plainForm } from "../../server/transport/websocket/plain-form.ts";
import { type ReadWrite, type ReceivedFrame, readWrite } from "./reading.ts";

/** The number of bytes at which a fake socket is full, and at which it refuses writes. */
export interface SocketRoom {
  readonly fullBytes: number;
  readonly refuseBytes: number;
}

interface Waiting extends ReadWrite {
  readonly bytes: number;
}

/**
 * A fake socket. Its client reads at once until it stalls. Then writes are buffered here, up to `SocketRoom`, until the client
 * reads on.
 */
export class FakeConnection implements Connection {
  readonly wireForm: WireForm;
  owner: ConnectionOwner | undefined;
  next: WheelMember | undefined;
  previous: WheelMember | undefined;
  /** Informed about buffered bytes, as by a real transport. */
  backlog: Backlog | undefined;
  /** Called for each accepted write, before the client receives it. */
  onAccepted: (write: ReadWrite) => void = () => undefined;
  /** Called for each write when the client receives it. */
  onReceived: (write: ReadWrite) => void = () => undefined;
  onClose: (reason: CloseReason) => void = () => undefined;
  closedWith: CloseReason | undefined;
  /** Whether it was cut off without a close frame. */
  isDropped = false;
  /** The cursor in the closing message. */
  goodbyeCursor: string | undefined;
  pings = 0;
  probes = 0;
  /** All accepted frames, in order. */
  readonly accepted: ReceivedFrame[] = [];
  /** The number of accepted writes. */
  writes = 0;
  /** Thrown by each `send`, which is not allowed: simulates a bug in a transport. */
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
    this.accepted.push(...write.frames);
    this.onAccepted(write);
    const bytes = encoded.reduce((sum, part) => sum + part.length, 0);
    if (this.#isStalled) this.#waiting.push({ ...write, bytes });
    else this.onReceived(write);
    this.#note();
    return this.buffered() > this.#room.fullBytes ? "full" : "sent";
  }

  buffered(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  onDrain(): void {
    this.owner?.onDrain();
  }

  onStall(cause: StallCause): void {
    this.owner?.onStall(cause);
  }

  probe(): void {
    this.probes++;
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
    this.isDropped = true;
    this.#waiting = [];
    this.close(reason);
  }

  /** The client stops reading. */
  stall(): void {
    this.#isStalled = true;
  }

  /** The client reads the oldest write. */
  progress(): void {
    const write = this.#waiting.shift();
    if (write === undefined) return;
    this.onReceived(write);
    this.#note();
    this.onDrain();
  }

  /** The client reads everything, and keeps reading. */
  resume(): void {
    this.#isStalled = false;
    const waited = this.#waiting.length > 0;
    for (const write of this.#waiting.splice(0)) this.onReceived(write);
    this.#note();
    if (waited) this.onDrain();
  }

  /** The client disappears without closing. Buffered writes are lost. */
  vanish(): void {
    this.#isGone = true;
    this.#waiting = [];
    this.#note();
  }

  #note(): void {
    this.backlog?.note(this, this.buffered());
  }

  /** Frames of one type, or system frames of one event. */
  of(kind: string): readonly ReceivedFrame[] {
    return this.accepted.filter(({ type, event }) => type === kind || (type === "system" && event === kind));
  }
}
