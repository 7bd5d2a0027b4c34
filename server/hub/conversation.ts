import { getLogger } from "@logtape/logtape";
import { type Decoded, decodeClientFrame, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { AnswerFrame, AnswerLabels } from "../../protocol/frames.ts";
import type { Clock } from "../lib/clock.ts";
import { unknownNames } from "../lib/unknown-names.ts";
import type { Backlog, Holder } from "../session/backlog.ts";
import type { StallCause } from "../session/connection.ts";
import type { Answering, Session } from "../session/session.ts";
import { perform } from "./commands/commands.ts";
import type { CommandDependencies, LastStep } from "./commands/dependencies.ts";
import { errorFrame } from "./error-frame.ts";
import { FloodWatch } from "./flood-watch.ts";
import type { SessionRecords } from "./session-records.ts";

/** Limit for frames that wait while an earlier command waits for the broker. A client that waits for its answers has one. */
const maxWaiting = 256;
/** The limit for their characters, unless a single frame is longer. */
const maxWaitingLength = 1024 * 1024;

/** Dependencies of a conversation, from the hub. */
export interface ConversationSettings {
  readonly dependencies: CommandDependencies;
  /** With this many more refused frames than accepted ones, a client is ignoring the errors. */
  readonly maxRefusals: number;
  /** A frame longer than twice this counts as several, because parsing takes time in proportion to its length. */
  readonly maxMessageBytes: number;
  readonly backlog: Backlog;
  readonly records: SessionRecords;
  readonly clock: Pick<Clock, "setTimeout">;
  /** Shared by all conversations. Plain additions, read by the metrics scraper. */
  readonly counts: { frames: number };
}

/**
 * Runs the commands of one client one after the other. Commands of one connection take effect in order, so a frame waits for
 * the previous one, and all wait for the welcome. They also wait while the client does not read its answers.
 */
export class Conversation implements Holder, Answering {
  readonly session: Session;
  readonly #settings: ConversationSettings;
  #refusals = 0;
  /** Set once the client has ignored too many refusals. Its frames have no effect any more. */
  #flood: FloodWatch | undefined;
  /** Allocated on demand: most connections only receive. */
  #waiting: string[] | undefined;
  #waitingLength = 0;
  #isBusy: boolean;

  constructor(session: Session, settings: ConversationSettings) {
    this.session = session;
    this.#settings = settings;
    this.#isBusy = !session.isWelcomed;
    session.answering = this;
  }

  /** Frames that arrived before the welcome are handled now. */
  onWelcomed(): void {
    this.#isBusy = false;
    this.#next();
  }

  /** Handles one text frame. Hot path; never throws. */
  receive(text: string): void {
    const { session } = this;
    if (session.closed !== undefined) return;
    if (this.#flood !== undefined) {
      this.#flood.note(text.length);
      return;
    }
    const refusal = this.#count(Math.ceil(text.length / (2 * this.#settings.maxMessageBytes)) || 1);
    try {
      if (refusal !== undefined) this.#refuse(text, refusal);
      else if (this.#isBusy || session.isBlocked) this.#keep(text);
      else this.#perform(text);
    } catch (error) {
      session.fail(error);
    }
  }

  /** Counts a control frame. The engine answers pings itself, so each counts as an answered frame. */
  receiveControl(): void {
    const { session } = this;
    if (session.closed !== undefined) return;
    if (this.#flood !== undefined) {
      this.#flood.note(0);
      return;
    }
    // A control frame has no error answer, so a client that exceeds the limit is closed as if it had been warned.
    this.#count(1);
    if (this.#isAbused) this.#endAbuse("too many control frames");
  }

  /** Characters of the waiting frames. */
  buffered(): number {
    return this.#waitingLength;
  }

  /** "no-progress" is ignored: waiting for the broker or for the client to read is no fault of the conversation. */
  onStall(cause: StallCause): void {
    if (cause === "no-progress") return;
    this.#waiting = undefined;
    this.#waitingLength = 0;
    this.session.drop({ name: "too-many", text: "too many frames are waiting for answers" });
  }

  onRoom(): void {
    this.#next();
  }

  onEnd(): void {
    this.#waiting = undefined;
    this.#setWaitingLength(0);
    this.#flood?.end();
  }

  #count(frames: number): ServiceError | undefined {
    const { counts, dependencies } = this.#settings;
    counts.frames++;
    const refusal = dependencies.accountOf(this.session).take("messages", frames);
    // Not back to 0: where many clients share a budget, each still has a frame accepted now and then.
    this.#refusals = refusal === undefined ? Math.max(0, this.#refusals - 1) : this.#refusals + 1;
    return refusal;
  }

  get #isAbused(): boolean {
    return this.#refusals > this.#settings.maxRefusals;
  }

  #endAbuse(text: string): void {
    this.#flood = new FloodWatch(this.session, text, this.#settings.clock);
  }

  #keep(text: string): void {
    this.#waiting ??= [];
    const isFull = this.#waiting.length > 0 && this.#waitingLength + text.length > maxWaitingLength;
    if (this.#waiting.length >= maxWaiting || isFull) {
      const bounds = `${maxWaiting} frames or ${maxWaitingLength} bytes`;
      this.#endAbuse(`more than ${bounds} are waiting for answers`);
      return;
    }
    this.#waiting.push(text);
    this.#setWaitingLength(this.#waitingLength + text.length);
  }

  #setWaitingLength(length: number): void {
    if (length === this.#waitingLength) return;
    this.#waitingLength = length;
    this.#settings.backlog.note(this, length);
  }

  #refuse(text: string, error: ServiceError): void {
    // A client that does not read its answers would not read another error either.
    if (this.#isAbused || this.session.isBlocked) {
      this.#endAbuse("too many messages");
      return;
    }
    const decoded = decodeClientFrame(text);
    this.#answerError(decoded, error);
  }

  #perform(text: string): void {
    const decoded = decodeClientFrame(text);
    const labels = labelsOf(decoded);
    if ("refusal" in decoded) {
      this.#answerError(decoded, decoded.refusal);
      return;
    }
    try {
      const answer = perform(this.#settings.dependencies, this.session, decoded.frame);
      if (answer instanceof Promise) void this.#wait(decoded, labels, answer);
      else if (answer !== undefined) this.#answer(labels, answer);
    } catch (error) {
      this.#answerError(decoded, asServiceError(error));
    }
  }

  async #wait(
    decoded: Decoded,
    labels: AnswerLabels,
    answer: Promise<AnswerFrame | LastStep | undefined>,
  ): Promise<void> {
    this.#isBusy = true;
    try {
      const frame = await answer;
      if (frame !== undefined) this.#answer(labels, typeof frame === "function" ? frame() : frame);
    } catch (error) {
      this.#answerErrorOrFail(decoded, asServiceError(error));
    }
    this.#isBusy = false;
    this.#next();
  }

  #answerErrorOrFail(decoded: Decoded, error: ServiceError): void {
    try {
      this.#answerError(decoded, error);
    } catch (error) {
      this.session.fail(error);
    }
  }

  #next(): void {
    while (!this.#isBusy && !this.session.isBlocked && this.session.closed === undefined) {
      const text = this.#waiting?.shift();
      if (text === undefined) return;
      this.#setWaitingLength(this.#waitingLength - text.length);
      try {
        this.#perform(text);
      } catch (error) {
        this.session.fail(error);
      }
    }
  }

  #answerError(decoded: Decoded, error: ServiceError): void {
    this.#answer(labelsOf(decoded), errorFrame(error));
    this.#settings.records.refusedCommand(this.session, "frame" in decoded ? decoded.frame : undefined, error);
  }

  #answer(labels: AnswerLabels, frame: AnswerFrame): void {
    this.session.sendFrame(labels === unlabelled ? frame : { ...frame, ...labels });
  }
}

const unlabelled: AnswerLabels = {};

function labelsOf({ ref, unknown }: Decoded): AnswerLabels {
  if (ref === undefined && unknown === undefined) return unlabelled;
  const warnings = unknown === undefined ? undefined : unknownNames(unknown.given, unknown.known, "field");
  return present({ ref, warnings });
}

function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  getLogger(["fanfare", "hub"]).error("A command failed: {error}", { error });
  return new ServiceError("internal", "internal server error; details are in the server's log", { cause: error });
}
