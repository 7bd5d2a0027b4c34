import type { ClientCommand, IncomingFrame } from "../protocol/client-codec.ts";
import type { Ref, WelcomeFrame } from "../protocol/frames.ts";
import { askedWait } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { CloseInfo } from "./close-info.ts";
import type { Send, Socket, Target, Transport } from "./transport.ts";

/** How often liveness is checked, and how long the server may take to answer a ping. Milliseconds. */
const checkMs = 5000;
/** Shorter silences are ignored: a little longer than the pause between two comments of a quiet stream. Milliseconds. */
const quietMs = 16_000;
/** The reason of an attempt whose server sent no welcome in time. */
export const noWelcome = "no welcome";

/** Callbacks of an attempt. */
export interface AttemptEvents {
  /** Called for each frame, the welcome included. */
  onFrame(frame: IncomingFrame): void;
  /** Called before `onFrame` receives the same frame. */
  onWelcome(frame: WelcomeFrame): void;
  /** See SocketEvents. */
  onOutgrown(): void;
  /** Called once; no other callback follows. */
  onEnd(closeInfo: CloseInfo): void;
}

/** One connection, from the first try to its end. */
export interface Attempt {
  /** When the welcome arrived; 0 before that. Time of the monotonic clock. */
  readonly welcomedAt: number;
  /** Opens the socket, unless the attempt has already ended. */
  open(transport: Transport, target: Target): void;
  readonly send: Send;
  /** Checks whether the server still answers, because the machine may have slept or changed its network. After the welcome only. */
  probe(): void;
  /** Closes the socket and reports the reason to the owner. */
  end(closeInfo: CloseInfo): void;
  /** Closes the socket without calling `onEnd`. */
  drop(): void;
}

/**
 * The attempt also ends by itself: if no welcome arrives in time, if the server does not answer a ping (after a sleep or a
 * network change a socket can look open and be dead), or if a frame breaks the protocol.
 */
export function makeAttempt(clock: Clock, events: AttemptEvents): Attempt {
  let socket: Socket | undefined;
  let timer = clock.setTimeout(() => end({ code: 1006, reason: noWelcome }), 10_000);
  let pingIntervalMs = quietMs;
  let receivedAt = clock.monotonic();
  let pingedAt = 0;
  let isOver = false;

  function drop(): void {
    isOver = true;
    timer.cancel();
    socket?.close();
  }

  function end(closeInfo: CloseInfo): void {
    if (isOver) return;
    drop();
    events.onEnd(closeInfo);
  }

  function handleFrames(frames: readonly IncomingFrame[]): void {
    receivedAt = clock.monotonic();
    try {
      for (const frame of frames) {
        if (isOver) return;
        if (frame.type === "system" && frame.event === "welcome") {
          attempt.welcomedAt = receivedAt;
          pingIntervalMs = Math.max(quietMs, askedWait(frame.ping_interval_ms));
          checkLiveness();
          events.onWelcome(frame);
        }
        events.onFrame(frame);
      }
    } catch (error) {
      end({ code: 1006, reason: `${error}` }); // a frame lacks a required field
    }
  }

  /** While the machine sleeps the clock advances but timers do not, so a sleep is noticed at the first check after it. */
  function checkLiveness(maxQuietMs = pingIntervalMs): void {
    const now = clock.monotonic();
    timer.cancel();
    timer = clock.setTimeout(checkLiveness, checkMs);
    if (pingedAt <= receivedAt) {
      if (now - receivedAt < maxQuietMs) return;
      pingedAt = now;
      socket?.send({ type: "ping" });
    } else if (now - pingedAt >= checkMs) end({ code: 1006, reason: "the server does not answer" });
  }

  const attempt = {
    welcomedAt: 0,
    open(transport: Transport, target: Target) {
      if (isOver) return;
      socket = transport(target, { onFrames: handleFrames, onOutgrown: events.onOutgrown, onEnd: end });
    },
    send: (command: ClientCommand, ref?: Ref) => socket?.send(command, ref),
    probe: () => checkLiveness(quietMs),
    end,
    drop,
  };
  return attempt;
}
