import type { ClientCommand, IncomingFrame, PublishCommand } from "../protocol/client-codec.ts";
import { isPassing } from "../protocol/errors.ts";
import type { Ref, WelcomeFrame } from "../protocol/frames.ts";
import { askedWait, retry } from "./backoff.ts";
import { ClientError } from "./client-error.ts";
import type { Timer } from "./clock.ts";
import type { Send } from "./transport.ts";
import type { World } from "./world.ts";

interface Entry {
  readonly command: ClientCommand;
  readonly bytes: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: ClientError) => void;
  failures: number;
  /** Until it is its turn, or it is sent once more. */
  timer?: Timer;
}

/** Commands that have no answer yet, in the order in which they were said. */
export interface Outbox {
  /**
   * Resolves with the answer, which is believed to be of the kind that belongs to the command; for chat, which has none, with
   * undefined once it is sent.
   * @throws ClientError, or TypeError for data that cannot be JSON
   */
  ask<Answer>(command: ClientCommand): Promise<Answer>;
  /** The same for one that the client itself has in mind; it counts for no limit. @returns what `drop` takes */
  put(command: ClientCommand, resolve: (answer: unknown) => void, reject: (error: ClientError) => void): Ref;
  /** Nobody wants an answer any more. */
  drop(ref: unknown): void;
  /** The client tries to connect: from now on commands are taken. */
  begin(): void;
  /** A connection is there: everything without an answer goes out over it. */
  open(welcome: WelcomeFrame): void;
  /** @returns false for a frame that answers nothing of ours */
  settle(frame: IncomingFrame): boolean;
  /** Nothing will be answered any more: what waits is refused, and so is what comes. */
  close(reason: string): void;
}

/**
 * All commands without an answer are sent again over each new connection: a publication carries its id, so that the server
 * stores it once. Each one settles, at the latest when the client is closed.
 *
 * @param size how many commands may wait
 */
export function makeOutbox(send: Send, world: Pick<World, "clock" | "random">, size: number): Outbox {
  const { clock } = world;
  const entries = new Map<unknown, Entry>();
  let lastRef = 0;
  let asked = 0;
  let isOpen = false;
  let closedBecause: string | undefined;
  /** Bytes of one publication. */
  let maxBytes = 0;
  /** The turn of the last command, and the time between two. */
  let turnAt = 0;
  let paceMs = 0;

  /** In its turn: commands leave as fast as the server's `limits` allow. */
  function transmit(ref: Ref): void {
    const entry = entries.get(ref);
    if (!isOpen || !entry) return;
    const { command, bytes, resolve, reject, timer } = entry;
    const now = clock.now();
    timer?.cancel();
    if (bytes > maxBytes) {
      drop(ref);
      reject(new ClientError("too-large", `more than ${maxBytes} bytes`));
      return;
    }
    // Commands of one second may leave at once, half of what the server allows. No more can wait than there are, also where
    // the wall clock was set back.
    turnAt = Math.max(now - 1000, Math.min(turnAt, now + entries.size * paceMs)) + paceMs;
    if (turnAt > now) entry.timer = clock.setTimeout(leave, turnAt - now);
    else leave();

    function leave(): void {
      if (!isOpen) return;
      send(command, ref);
      if (command.type !== "message") return;
      drop(ref); // nothing answers a chat message
      resolve(undefined);
    }
  }

  function put(command: ClientCommand, resolve: Entry["resolve"], reject: Entry["reject"]): Ref {
    entries.set(++lastRef, { command, bytes: bytesOf(command), resolve, reject, failures: 0 });
    transmit(lastRef);
    return lastRef;
  }

  function drop(ref: unknown): void {
    entries.get(ref)?.timer?.cancel();
    entries.delete(ref);
  }

  return {
    ask: (command) =>
      new Promise((resolve, reject) => {
        if (closedBecause) throw new ClientError("closed", closedBecause);
        if (asked >= size) throw new ClientError("queue-full", `more than ${size} commands`);
        const settled = (settle: (value: never) => void) => (value: unknown) => {
          asked--;
          settle(value as never);
        };
        put(command, settled(resolve), settled(reject));
        asked++;
      }),
    put,
    drop,
    begin() {
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
      if (frame.type === "error" && isPassing(frame.code)) {
        entry.timer?.cancel();
        entry.timer = retry(world, () => transmit(ref as Ref), entry.failures++, frame.retry_after_ms);
        return true;
      }
      drop(ref);
      if (frame.type === "error") entry.reject(new ClientError(frame.code, frame.message));
      else entry.resolve(frame);
      return true;
    },
    close(reason) {
      closedBecause = reason;
      for (const [ref, { reject }] of [...entries]) {
        drop(ref);
        reject(new ClientError("closed", reason));
      }
    },
  };
}

/** Bytes of the body in UTF-8. The few of `headers` are for the server to count. */
function bytesOf(command: ClientCommand): number {
  const { message, data } = command as Partial<PublishCommand>;
  return new TextEncoder().encode([message, JSON.stringify(data)].join("")).length;
}
