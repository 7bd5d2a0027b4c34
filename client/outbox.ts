import type { ClientCommand, IncomingFrame } from "../protocol/client-codec.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { Ref } from "../protocol/frames.ts";
import { retry } from "./backoff.ts";
import { ClientError } from "./client-error.ts";
import type { World } from "./world.ts";

/** Refusals that pass: the same command is sent once more. */
const passing: readonly ErrorCode[] = ["rate-limited", "broker-unavailable", "idempotency-full", "draining"];

interface Entry {
  readonly command: ClientCommand;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: ClientError) => void;
  failures: number;
}

/**
 * Commands that have no answer yet, in the order in which they were said. All of them are sent again over each new
 * connection: a publication carries its id, so that the server stores it once.
 */
export class Outbox {
  readonly #send: (command: ClientCommand, ref?: Ref) => void;
  readonly #world: Pick<World, "clock" | "random">;
  readonly #size: number;
  readonly #entries = new Map<Ref | undefined, Entry>();
  #lastRef = 0;
  #isOpen = false;

  /** @param size how many commands may wait */
  constructor(send: (command: ClientCommand, ref?: Ref) => void, world: Pick<World, "clock" | "random">, size: number) {
    this.#send = send;
    this.#world = world;
    this.#size = size;
  }

  /**
   * Resolves with the answer, which is believed to be of the kind that belongs to the command; for chat, which has none, with
   * undefined once it is sent.
   * @throws ClientError
   */
  async ask<Answer>(command: ClientCommand): Promise<Answer> {
    if (this.#entries.size >= this.#size) {
      throw new ClientError("queue-full", `${this.#size} commands wait for their answers`);
    }
    return (await new Promise<unknown>((resolve, reject) => {
      this.#entries.set(++this.#lastRef, { command, resolve, reject, failures: 0 });
      this.#transmit(this.#lastRef);
    })) as Answer;
  }

  /** A connection is there: everything without an answer goes out over it. */
  open(): void {
    this.#isOpen = true;
    for (const ref of [...this.#entries.keys()]) this.#transmit(ref);
  }

  /** The connection is gone. */
  lose(): void {
    this.#isOpen = false;
  }

  /** @returns false for a frame that answers nothing of ours */
  settle(frame: IncomingFrame): boolean {
    const ref = "ref" in frame ? frame.ref : undefined;
    const entry = this.#entries.get(ref);
    if (!entry) return false;
    if (frame.type === "error" && passing.includes(frame.code)) {
      retry(this.#world, () => this.#transmit(ref), entry.failures++, frame.retry_after_ms);
      return true;
    }
    this.#entries.delete(ref);
    if (frame.type === "error") entry.reject(new ClientError(frame.code, frame.message));
    else entry.resolve(frame);
    return true;
  }

  /** Nothing of it will be answered any more. */
  clear(reason: string): void {
    for (const { reject } of this.#entries.values()) reject(new ClientError("closed", reason));
    this.#entries.clear();
  }

  #transmit(ref: Ref | undefined): void {
    const entry = this.#entries.get(ref);
    if (!this.#isOpen || !entry) return;
    if (entry.command.type === "message") {
      this.#entries.delete(ref);
      entry.resolve(undefined);
    }
    this.#send(entry.command, ref);
  }
}
