import type { ClientCommand, IncomingFrame } from "../protocol/client-codec.ts";
import type { Ref } from "../protocol/frames.ts";
import type { Clock, Timer } from "./clock.ts";
import type { Goodbye } from "./goodbye.ts";
import type { Socket, Target, Transport } from "./transport.ts";

/** How long a connection may take to be welcomed. Milliseconds. */
const welcomeMs = 10_000;
/** How often it is looked at whether it lives, which is also how long an answer to a ping may take. Milliseconds. */
const lookMs = 5000;
/** No silence of less counts: it is a little longer than between two comments of a quiet stream. Milliseconds. */
const quietMs = 16_000;

/** Whom an attempt tells. */
export interface AttemptEvents {
  onFrames(frames: readonly IncomingFrame[]): void;
  onOutgrown(): void;
  /** Once. Nothing comes after it. */
  onEnd(goodbye: Goodbye): void;
}

/**
 * One connection from the first try to its end. It also ends by itself when it is not welcomed in time, and when silence is
 * not broken by a ping: a machine that slept or changed its network has sockets that look open and are dead.
 */
export class Attempt {
  readonly #clock: Clock;
  readonly #events: AttemptEvents;
  #socket: Socket | undefined;
  #timer: Timer | undefined;
  #pingIntervalMs = quietMs;
  #heardAt: number;
  #pingedAt = 0;
  #isOver = false;
  /** When the welcome came; 0 before. Unix time in milliseconds. */
  welcomedAt = 0;

  constructor(clock: Clock, events: AttemptEvents) {
    this.#clock = clock;
    this.#events = events;
    this.#heardAt = clock.now();
    this.#timer = clock.setTimeout(() => this.end({ code: 1006, reason: "no welcome" }), welcomeMs);
  }

  /** Opens the socket, unless the attempt is over already. */
  open(transport: Transport, target: Target): void {
    if (this.#isOver) return;
    this.#socket = transport(target, {
      onFrames: (frames) => this.#hear(frames),
      onOutgrown: () => this.#events.onOutgrown(),
      onEnd: (goodbye) => this.end(goodbye),
    });
  }

  send(command: ClientCommand, ref?: Ref): void {
    this.#socket?.send(command, ref);
  }

  /** The machine may have slept, or its network changed: is anybody there? */
  probe(): void {
    if (this.welcomedAt) this.#look(quietMs);
  }

  /** Leaves, and says why to its owner. */
  end(goodbye: Goodbye): void {
    if (this.#isOver) return;
    this.leave();
    this.#events.onEnd(goodbye);
  }

  /** Leaves without a word to its owner. */
  leave(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#socket?.close();
  }

  #hear(frames: readonly IncomingFrame[]): void {
    if (this.#isOver) return;
    this.#heardAt = this.#clock.now();
    for (const frame of frames) {
      if (frame.type !== "system" || frame.event !== "welcome") continue;
      this.welcomedAt = this.#heardAt;
      this.#pingIntervalMs = Math.max(quietMs, frame.ping_interval_ms);
      this.#look();
    }
    this.#events.onFrames(frames);
  }

  /** After a sleep the clock has moved on while the timer stood still: silence shows at the first look. */
  #look(maxQuietMs = this.#pingIntervalMs): void {
    const now = this.#clock.now();
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimeout(() => this.#look(), lookMs);
    if (this.#pingedAt <= this.#heardAt) {
      if (now - this.#heardAt < maxQuietMs) return;
      this.#pingedAt = now;
      this.send({ type: "ping" });
    } else if (now - this.#pingedAt >= lookMs) this.end({ code: 1006, reason: "the server is silent" });
  }
}
