import { getLogger } from "@logtape/logtape";
import { decodeClientFrame, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { AnswerFrame, ErrorFrame, Ref } from "../../protocol/frames.ts";
import type { Clock } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import { perform } from "./commands/commands.ts";
import type { CommandDependencies, LastStep } from "./commands/dependencies.ts";
import { MessageRate } from "./message-rate.ts";

/** Frames that wait while a command before them waits for the broker; a client in step with its answers has one. */
const maxWaiting = 256;

/** What a conversation is given by the hub. */
export interface ConversationSettings {
  readonly dependencies: CommandDependencies;
  /** Frames per second; 0 for no limit. */
  readonly messageRate: number;
  /** A frame of more than twice these bytes counts as several, because reading it costs by its length. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  /** Shared by all; plain additions, read by the scraper. */
  readonly counts: { frames: number };
}

/**
 * What one client says, taken one after the other: commands of one connection take effect in order, so a frame waits for
 * the one before it, and all wait for the welcome.
 */
export class Conversation {
  readonly session: Session;
  readonly #setting: ConversationSettings;
  #rate: MessageRate | undefined;
  /** Made when it is needed: most connections only listen. */
  #waiting: string[] | undefined;
  #isBusy = true;

  constructor(session: Session, setting: ConversationSettings) {
    this.session = session;
    this.#setting = setting;
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
    const { clock, counts, messageRate, maxMessageBytes } = this.#setting;
    counts.frames++;
    const now = clock.monotonic(); // a wall clock that is set back would stop everybody
    this.#rate ??= new MessageRate(messageRate, now);
    const waitMs = this.#rate.take(now, Math.ceil(text.length / (2 * maxMessageBytes)) || 1);
    if (waitMs > 0) this.#refuse(text, this.#rate, waitMs);
    else if (!this.#isBusy) this.#perform(text);
    else this.#keep(text);
  }

  #keep(text: string): void {
    this.#waiting ??= [];
    if (this.#waiting.length < maxWaiting) this.#waiting.push(text);
    else this.session.close({ name: "too-many", text: `more than ${maxWaiting} frames wait for their answers` });
  }

  #refuse(text: string, rate: MessageRate, waitMs: number): void {
    if (rate.isAbused) {
      this.session.close({ name: "too-many", text: "too many messages" });
      return;
    }
    const { messageRate } = this.#setting;
    const error = new ServiceError("rate-limited", `at most ${messageRate} messages a second`, {
      retryAfterMs: waitMs,
    });
    this.#answer(decodeClientFrame(text).ref, errorFrame(error));
  }

  #perform(text: string): void {
    const decoded = decodeClientFrame(text);
    if ("refusal" in decoded) {
      this.#answer(decoded.ref, errorFrame(decoded.refusal));
      return;
    }
    try {
      const answer = perform(this.#setting.dependencies, this.session, decoded.frame);
      if (answer instanceof Promise) void this.#wait(decoded.ref, answer);
      else if (answer !== undefined) this.#answer(decoded.ref, answer);
    } catch (error) {
      this.#answer(decoded.ref, errorFrame(asRefusal(error)));
    }
  }

  async #wait(ref: Ref | undefined, answer: Promise<AnswerFrame | LastStep | undefined>): Promise<void> {
    this.#isBusy = true;
    try {
      const frame = await answer;
      if (frame !== undefined) this.#answer(ref, typeof frame === "function" ? frame() : frame);
    } catch (error) {
      this.#answer(ref, errorFrame(asRefusal(error)));
    }
    this.#isBusy = false;
    this.#next();
  }

  #next(): void {
    while (!this.#isBusy && this.session.closed === undefined) {
      const text = this.#waiting?.shift();
      if (text === undefined) return;
      this.#perform(text);
    }
  }

  #answer(ref: Ref | undefined, frame: AnswerFrame): void {
    this.session.sendFrame(ref === undefined ? frame : { ...frame, ref });
  }
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
