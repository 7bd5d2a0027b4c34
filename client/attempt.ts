import type { ClientCommand, IncomingFrame } from "../protocol/client-codec.ts";
import type { Ref, WelcomeFrame } from "../protocol/frames.ts";
import { askedWait } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Goodbye } from "./goodbye.ts";
import type { Send, Socket, Target, Transport } from "./transport.ts";

/** How often it is looked at whether it lives, which is also how long an answer to a ping may take. Milliseconds. */
const lookMs = 5000;
/** No silence of less counts: it is a little longer than between two comments of a quiet stream. Milliseconds. */
const quietMs = 16_000;
/** Whom an attempt tells. */
export interface AttemptEvents {
  /** Each frame, a welcome among them. */
  onFrame(frame: IncomingFrame): void;
  /** Before `onFrame` gets the same. */
  onWelcome(frame: WelcomeFrame): void;
  onOutgrown(): void;
  /** Once. Nothing comes after it. */
  onEnd(goodbye: Goodbye): void;
}

/** One connection from the first try to its end. */
export interface Attempt {
  /** When the welcome came; 0 before. Unix time in milliseconds. */
  readonly welcomedAt: number;
  /** Opens the socket, unless the attempt is over already. */
  open(transport: Transport, target: Target): void;
  readonly send: Send;
  /** After the welcome: the machine may have slept, or its network changed. Is anybody there? */
  probe(): void;
  /** Leaves, and says why to its owner. */
  end(goodbye: Goodbye): void;
  /** Leaves without a word to its owner. */
  leave(): void;
}

/**
 * It also ends by itself when it is not welcomed in time, when silence is not broken by a ping (a machine that slept or
 * changed its network has sockets that look open and are dead), and when what comes is not of this protocol.
 */
export function makeAttempt(clock: Clock, events: AttemptEvents): Attempt {
  let socket: Socket | undefined;
  let timer = clock.setTimeout(() => end({ code: 1006, reason: "no welcome" }), 10_000);
  let pingIntervalMs = quietMs;
  let heardAt = clock.now();
  let pingedAt = 0;
  let isOver = false;

  function leave(): void {
    isOver = true;
    timer.cancel();
    socket?.close();
  }

  function end(goodbye: Goodbye): void {
    if (isOver) return;
    leave();
    events.onEnd(goodbye);
  }

  function hear(frames: readonly IncomingFrame[]): void {
    heardAt = clock.now();
    try {
      for (const frame of frames) {
        if (isOver) return;
        if (frame.type === "system" && frame.event === "welcome") {
          attempt.welcomedAt = heardAt;
          pingIntervalMs = Math.max(quietMs, askedWait(frame.ping_interval_ms));
          look();
          events.onWelcome(frame);
        }
        events.onFrame(frame);
      }
    } catch (error) {
      end({ code: 1006, reason: `${error}` }); // frames that lack what they must have
    }
  }

  /** After a sleep the clock has moved on while the timer stood still: silence shows at the first look. */
  function look(maxQuietMs = pingIntervalMs): void {
    const now = clock.now();
    timer.cancel();
    timer = clock.setTimeout(look, lookMs);
    if (pingedAt <= heardAt) {
      if (now - heardAt < maxQuietMs) return;
      pingedAt = now;
      socket?.send({ type: "ping" });
    } else if (now - pingedAt >= lookMs) end({ code: 1006, reason: "the server is silent" });
  }

  const attempt = {
    welcomedAt: 0,
    open(transport: Transport, target: Target) {
      if (isOver) return;
      socket = transport(target, { onFrames: hear, onOutgrown: events.onOutgrown, onEnd: end });
    },
    send: (command: ClientCommand, ref?: Ref) => socket?.send(command, ref),
    probe: () => look(quietMs),
    end,
    leave,
  };
  return attempt;
}
