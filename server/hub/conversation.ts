import { getLogger } from "@logtape/logtape";
import { type Decoded, decodeClientFrame, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { AnswerFrame, AnswerLabels, ErrorFrame } from "../../protocol/frames.ts";
import type { Clock } from "../lib/clock.ts";
import { unknownNames } from "../lib/unknown-names.ts";
import type { Backlog, Holder } from "../session/backlog.ts";
import type { StallCause } from "../session/connection.ts";
import type { Answering, Session } from "../session/session.ts";
import { perform } from "./commands/commands.ts";
import type { CommandDependencies, LastStep } from "./commands/dependencies.ts";
import { MessageRate } from "./message-rate.ts";

/** Frames that wait while a command before them waits for the broker; a client in step with its answers has one. */
const maxWaiting = 256;
/** The same in characters, behind the first one that waits. */
const maxWaitingLength = 1024 * 1024;

/** What a conversation is given by the hub. */
export interface ConversationSettings {
  readonly dependencies: CommandDependencies;
  /** Frames per second; 0 for no limit. */
  readonly messageRate: number;
  /** A frame of more than twice these bytes counts as several, because reading it costs by its length. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly backlog: Backlog;
  /** Shared by all; plain additions, read by the scraper. */
  readonly counts: { frames: number };
}

/**
 * What one client says, taken one after the other: commands of one connection take effect in order, so a frame waits for
 * the one before it, and all wait for the welcome. They wait too while the client does not read its answers.
 */
export class Conversation implements Holder, Answering {
  readonly session: Session;
  readonly #setting: ConversationSettings;
  #rate: MessageRate | undefined;
  /** Made when it is needed: most connections only listen. */
  #waiting: string[] | undefined;
  #waitingLength = 0;
  #isBusy = true;

  constructor(session: Session, setting: ConversationSettings) {
    this.session = session;
    this.#setting = setting;
    session.answering = this;
  }

  /** The welcome is out: what was said before it is taken now. */
  begin(): void {
    this.#isBusy = false;
    this.#next();
  }

  /** One text frame. Hot path; never throws. */
  hear(text: string): void {
    const { session } = this;
    if (session.closed !== undefined) return;
    const { waitMs, isAbused } = this.#count(Math.ceil(text.length / (2 * this.#setting.maxMessageBytes)) || 1);
    try {
      if (waitMs > 0) this.#refuse(text, waitMs, isAbused);
      else if (this.#isBusy || session.isBlocked) this.#keep(text);
      else this.#perform(text);
    } catch (error) {
      session.fail(error);
    }
  }

  /** One control frame: the engine answers a ping by itself, so it counts as a frame that was answered. */
  hearControl(): void {
    const { session } = this;
    if (session.closed !== undefined) return;
    // There is no answer that could say so: who sends more than a frame may say is closed as if it had been told.
    if (this.#count(1).isAbused) session.close({ name: "too-many", text: "too many control frames" });
  }

  /** What waits for its turn, in characters. */
  buffered(): number {
    return this.#waitingLength;
  }

  /** It waits for the broker or for its client to read, neither of which is its own fault, unless there is no room. */
  onStall(cause: StallCause): void {
    if (cause === "no-progress") return;
    this.#waiting = undefined;
    this.#waitingLength = 0;
    this.session.drop({ name: "too-many", text: "too many frames wait for their answers" });
  }

  onRoom(): void {
    this.#next();
  }

  onEnd(): void {
    this.#waiting = undefined;
    this.#setWaitingLength(0);
  }

  #count(frames: number): { readonly waitMs: number; readonly isAbused: boolean } {
    const { clock, counts, messageRate } = this.#setting;
    counts.frames++;
    const now = clock.monotonic(); // a wall clock that is set back would stop everybody
    this.#rate ??= new MessageRate(messageRate, now);
    const waitMs = this.#rate.take(now, frames);
    return { waitMs, isAbused: this.#rate.isAbused };
  }

  #keep(text: string): void {
    this.#waiting ??= [];
    const isFull = this.#waiting.length > 0 && this.#waitingLength + text.length > maxWaitingLength;
    if (this.#waiting.length >= maxWaiting || isFull) {
      const bounds = `${maxWaiting} frames or ${maxWaitingLength} bytes`;
      this.session.close({ name: "too-many", text: `more than ${bounds} wait for their answers` });
      return;
    }
    this.#waiting.push(text);
    this.#setWaitingLength(this.#waitingLength + text.length);
  }

  #setWaitingLength(length: number): void {
    if (length === this.#waitingLength) return;
    this.#waitingLength = length;
    this.#setting.backlog.note(this, length);
  }

  #refuse(text: string, waitMs: number, isAbused: boolean): void {
    // One that reads none of its answers is told nothing by another.
    if (isAbused || this.session.isBlocked) {
      this.session.close({ name: "too-many", text: "too many messages" });
      return;
    }
    const { messageRate } = this.#setting;
    const error = new ServiceError("rate-limited", `at most ${messageRate} messages a second`, {
      retryAfterMs: waitMs,
    });
    this.#answer(labelsOf(decodeClientFrame(text)), errorFrame(error));
  }

  #perform(text: string): void {
    const decoded = decodeClientFrame(text);
    const labels = labelsOf(decoded);
    if ("refusal" in decoded) {
      this.#answer(labels, errorFrame(decoded.refusal));
      return;
    }
    try {
      const answer = perform(this.#setting.dependencies, this.session, decoded.frame);
      if (answer instanceof Promise) void this.#wait(labels, answer);
      else if (answer !== undefined) this.#answer(labels, answer);
    } catch (error) {
      this.#answer(labels, errorFrame(asRefusal(error)));
    }
  }

  async #wait(labels: AnswerLabels, answer: Promise<AnswerFrame | LastStep | undefined>): Promise<void> {
    this.#isBusy = true;
    try {
      const frame = await answer;
      if (frame !== undefined) this.#answer(labels, typeof frame === "function" ? frame() : frame);
    } catch (error) {
      this.#answerOrFail(labels, errorFrame(asRefusal(error)));
    }
    this.#isBusy = false;
    this.#next();
  }

  #answerOrFail(labels: AnswerLabels, frame: AnswerFrame): void {
    try {
      this.#answer(labels, frame);
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

function errorFrame(error: ServiceError): ErrorFrame {
  const { code, message, field, retryAfterMs } = error;
  return { type: "error", code, message, ...present({ field, retry_after_ms: retryAfterMs }) };
}

function asRefusal(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  getLogger(["fanfare", "hub"]).error("A command failed: {error}", { error });
  return new ServiceError("internal", "the server failed to do this; it is in its log", { cause: error });
}
