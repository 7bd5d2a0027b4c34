import type { IncomingFrame } from "../protocol/client-codec.ts";
import { isFinal } from "../protocol/close-codes.ts";
import type { DrainingFrame, WelcomeFrame } from "../protocol/frames.ts";
import { type Attempt, makeAttempt } from "./attempt.ts";
import { askedWait, backoff } from "./backoff.ts";
import type { Timer } from "./clock.ts";
import type { Goodbye } from "./goodbye.ts";
import type { ConnectionState } from "./state.ts";
import type { Send } from "./transport.ts";
import type { TransportName, World } from "./world.ts";

const none: Goodbye = { code: 0, reason: "" };
const left: Goodbye = { code: 1000, reason: "closed by the client" };

export interface ConnectorOptions {
  readonly url: URL;
  readonly token: string | undefined | (() => string | undefined | Promise<string | undefined>);
  /** In the order of preference; at least one. */
  readonly transports: readonly TransportName[];
  /** Stay on a server that drains and has no successor, until it closes. */
  readonly stay: boolean;
}

/** Whom the connector tells. */
export interface ConnectorEvents {
  onState(state: ConnectionState): void;
  /** What a new connection should say of channels and positions. */
  describe(transport: TransportName): URLSearchParams;
  /** Another connection counts from now on: what the one before did not answer is open again. */
  onWelcome(welcome: WelcomeFrame): void;
  onFrame(frame: IncomingFrame): void;
  /** The server did not want what a handshake said. @returns whether the next one would say something else */
  onRefused(goodbye: Goodbye): boolean;
}

/** One connection to the server, whatever happens to it. */
export interface Connector {
  readonly state: ConnectionState;
  /** Begins, or tries at once where the next try is waited for. */
  connect(): void;
  /** Ends for good. */
  close(): void;
  /** Nothing happens where nobody was welcomed: what matters is said again then. */
  readonly send: Send;
}

/**
 * At any time there is at most one connection that counts (`current`, welcomed) and one on its way (`next`). Whoever is
 * welcomed counts from then on; the one before is left, and nothing it still says is heard: what it might have said, the
 * new one says as well, since it began at the position of that moment.
 */
export function makeConnector(options: ConnectorOptions, events: ConnectorEvents, world: World): Connector {
  const { url, token, transports, stay } = options;
  const { clock, random, isOnline } = world;
  let state: ConnectionState = { status: "closed", ...left, nextTryAt: undefined };
  let current: Attempt | undefined;
  let next: Attempt | undefined;
  let timer: Timer | undefined;
  /** Connections in a row that failed, or did not last. */
  let failures = 0;
  let resumeKey: string | undefined;
  /** Which transport is tried next; behind the last one: the first. */
  let transportAt = 0;
  let stopWaking: (() => void) | undefined;
  /** The server goes: come back not before this moment. */
  let slotAt = 0;

  function connect(): void {
    stopWaking ??= world.onWake(wake);
    if (current || next) return;
    const isAnew = state.status === "closed";
    if (isAnew) failures = 0;
    open();
    if (isAnew) tell("connecting", none);
  }

  function close(goodbye: Goodbye): void {
    timer?.cancel();
    stopWaking?.();
    current?.leave();
    next?.leave();
    stopWaking = current = next = undefined;
    if (state.status !== "closed") tell("closed", goodbye);
  }

  function open(): void {
    timer?.cancel();
    if (next) return;
    const attempt: Attempt = makeAttempt(clock, {
      onWelcome: (frame) => attempt === next && welcome(attempt, frame),
      onFrame: (frame) => attempt === current && hear(frame),
      // The one on its way says what was wanted when it left; what is new is seen to after its welcome.
      onOutgrown: () => next ?? move(0),
      onEnd: (goodbye) => ended(attempt, goodbye),
    });
    next = attempt;
    void dial(attempt);
    if (!current && state.code && state.status !== "closed") tell("reconnecting", state);
  }

  async function dial(attempt: Attempt): Promise<void> {
    let code = 4010; // no token is as bad as one that expired: the next try asks for another
    try {
      const secret = typeof token === "function" ? await token() : token;
      code = 1006;
      const name = transports[transportAt] as TransportName;
      const transport = await world.transports[name]();
      // Nothing is waited for from here on: what is described now is what the server is told.
      const query = new URLSearchParams([...url.searchParams, ...events.describe(name)]);
      // Also after a break: the server may not know yet that the connection before is dead.
      if (resumeKey) query.set("takes_over", resumeKey);
      attempt.open(transport, { url, query, token: secret });
    } catch (error) {
      attempt.end({ code, reason: `${error}` });
    }
  }

  function hear(frame: IncomingFrame): void {
    if (frame.type === "system" && frame.event === "draining") drain(frame);
    events.onFrame(frame);
  }

  function welcome(attempt: Attempt, frame: WelcomeFrame): void {
    timer?.cancel();
    current?.leave();
    current = attempt;
    next = undefined;
    slotAt = 0;
    resumeKey = frame.resume_key;
    events.onWelcome(frame);
    if (state.status !== "connected") tell("connected", none);
  }

  function drain({ reconnect_after_ms, successor, message }: DrainingFrame): void {
    const waitMs = askedWait(reconnect_after_ms);
    slotAt = clock.now() + waitMs;
    // A little early: a server that moves its clients closes at the slot.
    if (successor) move(0.9 * waitMs);
    else if (!stay) wait(waitMs, () => current?.end({ code: 1012, reason: message }));
  }

  /** Another connection, while this one goes on; after a growing wait where those before did not last. */
  function move(afterMs: number): void {
    forgive(current);
    wait(Math.max(afterMs, failures && backoff(failures - 1, random())), () => {
      failures++;
      open();
    });
  }

  /** One that lasted five seconds was a good one: the next failure counts as the first. */
  function forgive(attempt: Attempt | undefined): void {
    if (attempt?.welcomedAt && clock.now() - attempt.welcomedAt >= 5000) failures = 0;
  }

  function ended(attempt: Attempt, goodbye: Goodbye): void {
    const { code } = goodbye;
    const wasCurrent = attempt === current;
    if (wasCurrent) current = undefined;
    else next = undefined;
    if (next) {
      // It is being taken over, and with 1000 the server says just that.
      if (code !== 1000) tell("reconnecting", goodbye);
      return;
    }
    if (isFinal(code) && (wasCurrent || !events.onRefused(goodbye))) {
      // A refused successor: the connection that there is goes on as long as it can.
      if (!current) close(goodbye);
      return;
    }
    forgive(attempt);
    if (wasCurrent || code !== 1006 || !canTryOther()) comeBack(goodbye);
    else open();
  }

  /**
   * Something on the way may let no WebSocket through. Seen from here that looks like a server that is away, so after two
   * failures the other transport has its turn at once, and only if it gets through it is kept: a server that is away answers
   * neither.
   */
  function canTryOther(): boolean {
    const at = failures > 0 ? transportAt + 1 : 0;
    transportAt = at % transports.length;
    return transportAt > 0;
  }

  function comeBack(goodbye: Goodbye): void {
    const now = clock.now();
    const waitMs = Math.max(backoff(failures++, random()), slotAt - now, askedWait(goodbye.retryAfterMs));
    timer?.cancel();
    if (!current && !isOnline()) {
      tell("offline", goodbye);
      return;
    }
    wait(waitMs, open);
    if (!current) tell("reconnecting", goodbye, now + waitMs);
  }

  function wake(): void {
    const { nextTryAt = 0 } = state; // only while the next try is waited for
    current?.probe();
    if (current || next) return;
    if (isOnline()) {
      if (clock.now() >= nextTryAt) open(); // a sleeping machine's timers stand still
    } else if (nextTryAt) {
      timer?.cancel();
      tell("offline", state);
    }
  }

  /** There is one plan at a time. */
  function wait(ms: number, run: () => void): void {
    timer?.cancel();
    timer = clock.setTimeout(run, ms);
  }

  /** Always the last thing that is done: who is told may close the client, or connect. */
  function tell(status: ConnectionState["status"], goodbye: Goodbye, nextTryAt?: number): void {
    const { code, reason } = goodbye;
    state = { status, code, reason, nextTryAt };
    events.onState(state);
  }

  return {
    get state() {
      return state;
    },
    connect,
    close: () => close(left),
    send: (command, ref) => current?.send(command, ref),
  };
}
