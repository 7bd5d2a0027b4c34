import type { ClientCommand, IncomingFrame, PublishCommand } from "../protocol/client-codec.ts";
import type { Ref, WelcomeFrame } from "../protocol/frames.ts";
import { askedWait, retry } from "./backoff.ts";
import { ClientError, type ClientErrorCode } from "./client-error.ts";
import type { Timer } from "./clock.ts";
import type { ClientEnvironment } from "./environment.ts";
import type { Send } from "./transport.ts";

/** How long the server may take to answer a command. Milliseconds. */
const answerMs = 30_000;
/** How many times a command is sent without an answer before it is rejected. */
const maxSilences = 3;

interface Entry {
  readonly command: ClientCommand;
  readonly bytes: number;
  readonly onAnswer: (answer: unknown) => void;
  readonly onError: (error: ClientError) => void;
  failures: number;
  /** How many times the server did not answer. */
  silences: number;
  /** Delays the command for pacing, or until it is sent again. */
  timer?: Timer;
}

/** The commands that are not answered yet, in the order in which they were issued. */
export interface Outbox {
  /**
   * Resolves with the answer, which is assumed to match the command; for chat, which is not answered, with undefined once it
   * is sent.
   * @throws ClientError, or TypeError for data that cannot be JSON
   */
  ask<Answer>(command: ClientCommand): Promise<Answer>;
  /** The same for a command of the client itself, which does not count towards the limit. @returns the ref for `drop` */
  put(command: ClientCommand, resolve: (answer: unknown) => void, reject: (error: ClientError) => void): Ref;
  /** Forgets a command: its answer is no longer needed. */
  drop(ref: unknown): void;
  /** Accepts commands, and holds them until `open`. */
  hold(): void;
  /** A connection is open: every unanswered command is sent over it. */
  open(welcome: WelcomeFrame): void;
  /** @returns false if the frame does not answer a pending command */
  settle(frame: IncomingFrame): boolean;
  /** Rejects all pending commands, and new ones until `hold`. */
  close(reason: string): void;
}

/**
 * Unanswered commands are sent again over each new connection. A publication carries an id, so the server stores it once.
 * Every command settles: rejected with `timeout` if a connected server does not answer it three times, and with `closed` when
 * the client is closed.
 *
 * @param size how many commands may be pending
 */
export function makeOutbox(send: Send, environment: Pick<ClientEnvironment, "clock" | "random">, size: number): Outbox {
  const { clock } = environment;
  const entries = new Map<unknown, Entry>();
  let lastRef = 0;
  let asked = 0;
  let isOpen = false;
  let closedBecause: string | undefined;
  /** Bytes of one publication. */
  let maxBytes = 0;
  /** When the last command was due, and the interval between two commands. */
  let turnAt = 0;
  let paceMs = 0;

  /** Sends a command no faster than the server's `limits` allow. */
  function transmit(ref: Ref): void {
    const entry = entries.get(ref);
    if (!isOpen || !entry) return;
    const { command, bytes, onAnswer, timer } = entry;
    const now = clock.monotonic();
    timer?.cancel();
    if (bytes > maxBytes) {
      fail(ref, "too-large", `more than ${maxBytes} bytes`);
      return;
    }
    // A burst of one second's commands is allowed, half of what the server accepts. The backlog is bounded by the number of
    // entries.
    turnAt = Math.max(now - 1000, Math.min(turnAt, now + entries.size * paceMs)) + paceMs;
    if (turnAt > now) entry.timer = clock.setTimeout(leave, turnAt - now);
    else leave();

    function leave(): void {
      if (!isOpen) return;
      send(command, ref);
      if (command.type === "message") {
        drop(ref); // a chat message is not answered
        onAnswer(undefined);
      } else if (entry) entry.timer = clock.setTimeout(() => unanswered(ref, entry), answerMs);
    }
  }

  /** The connection is alive, but no answer arrived. Sending a command twice does no harm: a publication carries its id. */
  function unanswered(ref: Ref, entry: Entry): void {
    if (!isOpen) return;
    // A subscription is needed for as long as it has handlers.
    if (++entry.silences < maxSilences || entry.command.type === "subscribe") transmit(ref);
    else fail(ref, "timeout", "the server does not answer");
  }

  function put(command: ClientCommand, onAnswer: Entry["onAnswer"], onError: Entry["onError"]): Ref {
    entries.set(++lastRef, { command, bytes: bytesOf(command), onAnswer, onError, failures: 0, silences: 0 });
    transmit(lastRef);
    return lastRef;
  }

  function drop(ref: unknown): void {
    entries.get(ref)?.timer?.cancel();
    entries.delete(ref);
  }

  function fail(ref: unknown, code: ClientErrorCode, message: string): void {
    const entry = entries.get(ref);
    drop(ref);
    entry?.onError(new ClientError(code, message));
  }

  return {
    ask(command) {
      asked++;
      return new Promise<never>((resolve, reject) => {
        if (closedBecause) throw new ClientError("closed", closedBecause);
        if (asked > size) throw new ClientError("queue-full", `more than ${size} commands`);
        put(command, resolve as Entry["onAnswer"], reject);
      }).finally(() => asked--);
    },
    put,
    drop,
    hold() {
      closedBecause = undefined;
      isOpen = false;
    },
    open({ limits }) {
      isOpen = true;
      maxBytes = limits?.max_message_bytes;
      paceMs = 1000 / (askedWait(limits?.message_rate) || 1e9);
      turnAt = 0;
      for (const ref of [...entries.keys()]) transmit(ref as Ref);
    },
    settle(frame) {
      const { ref } = frame as { readonly ref?: Ref };
      const entry = entries.get(ref);
      if (!entry) return false;
      if (frame.type !== "error") {
        drop(ref);
        entry.onAnswer(frame);
      } else if (frame.retry_after_ms !== undefined) {
        entry.timer?.cancel();
        entry.timer = retry(environment, () => transmit(ref as Ref), entry.failures++, frame.retry_after_ms);
      } else fail(ref, frame.code, frame.message);
      return true;
    },
    close(reason) {
      closedBecause = reason;
      for (const ref of [...entries.keys()]) fail(ref, "closed", reason);
    },
  };
}

/** Bytes in UTF-8, as the server counts them. */
function bytesOf(command: ClientCommand): number {
  const { message, data, headers = {} } = command as Partial<PublishCommand>;
  return new TextEncoder().encode([message, JSON.stringify(data), ...Object.entries(headers).flat()].join("")).length;
}
