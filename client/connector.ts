import type { IncomingFrame } from "../protocol/client-codec.ts";
import { isFinal } from "../protocol/close-codes.ts";
import type { DrainingFrame, WelcomeFrame } from "../protocol/frames.ts";
import { type Attempt, makeAttempt } from "./attempt.ts";
import { askedWait, backoff } from "./backoff.ts";
import type { Timer } from "./clock.ts";
import type { CloseInfo } from "./close-info.ts";
import type { ClientEnvironment, TransportName } from "./environment.ts";
import type { ConnectionState } from "./state.ts";
import type { Send, WebSocketClass } from "./transport.ts";

const none: CloseInfo = { code: 0, reason: "" };
const left: CloseInfo = { code: 1000, reason: "closed by the client" };

export interface ConnectorOptions {
  /** A token, or a function that returns one. It is called before each connection and may take up to ten seconds. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
  /** In order of preference, at least one. Default: those that the runtime supports. */
  readonly transports?: readonly TransportName[] | undefined;
  /** Stay connected to a server that is shutting down without a successor, until it closes the connection. */
  readonly stay?: boolean | undefined;
  /** The WebSocket class, for a runtime without one, such as Node 20. Without any, the client uses event streams. */
  readonly WebSocket?: WebSocketClass | undefined;
}

/** Callbacks of the connector. */
export interface ConnectorEvents {
  onState(state: ConnectionState): void;
  /** Puts the channels and positions into the query of the next handshake. */
  describe(transport: TransportName, query: URLSearchParams): void;
  /** A new connection has taken over. Commands that were not answered on the old one must be sent again. */
  onWelcome(welcome: WelcomeFrame): void;
  onFrame(frame: IncomingFrame): void;
  /** The server refused a handshake. @returns whether the next handshake would differ */
  onRefused(closeInfo: CloseInfo): boolean;
}

/** Keeps one connection to the server, reconnecting when needed. */
export interface Connector {
  readonly state: ConnectionState;
  /** Connects, or retries at once instead of waiting for the next try. */
  connect(): void;
  /** Closes the connection and stops reconnecting. */
  close(): void;
  /** Does nothing before the welcome: pending commands are sent again then. */
  readonly send: Send;
}

/**
 * At any time there is at most one active connection (`current`, welcomed) and one being opened (`next`). When `next` is
 * welcomed it becomes `current`. The old connection is closed and its later frames are ignored: the new connection delivers
 * them too, because it resumed from the position reached at that time.
 */
export function makeConnector(
  url: URL,
  {
    token,
    stay,
    WebSocket = globalThis.WebSocket,
    transports = WebSocket ? ["websocket", "sse"] : ["sse"],
  }: ConnectorOptions,
  events: ConnectorEvents,
  environment: ClientEnvironment,
): Connector {
  const { clock, random, isOnline } = environment;
  let state: ConnectionState = { status: "closed", ...left, nextTryAt: undefined };
  let current: Attempt | undefined;
  let next: Attempt | undefined;
  let timer: Timer | undefined;
  /** Consecutive connections that failed or did not last. */
  let failures = 0;
  let resumeKey: string | undefined;
  /** The token of the last handshake, and the one that a renewal was tried for. */
  let secret: string | undefined;
  let renewed: string | undefined;
  /** Index of the transport to try next. Wraps around to the first. */
  let transportAt = 0;
  let stopWaking: (() => void) | undefined;
  /** The server is draining: do not reconnect before this time. */
  let reconnectAt = 0;

  function connect(): void {
    stopWaking ??= environment.onWake(wake);
    if (current || next) return;
    const wasClosed = state.status === "closed";
    if (wasClosed) failures = 0;
    open();
    if (wasClosed) setState("connecting", none);
  }

  function close(closeInfo: CloseInfo): void {
    timer?.cancel();
    stopWaking?.();
    current?.drop();
    next?.drop();
    stopWaking = current = next = undefined;
    if (state.status !== "closed") setState("closed", closeInfo);
  }

  function open(): void {
    timer?.cancel();
    if (next) return;
    const attempt: Attempt = makeAttempt(clock, {
      onWelcome: (frame) => attempt === next && welcome(attempt, frame),
      onFrame: (frame) => attempt === current && handleFrame(frame),
      // `next` was described when it was dialed; later changes are sent after its welcome.
      onOutgrown: () => next ?? switchConnection(0),
      onEnd: (closeInfo) => handleEnd(attempt, closeInfo),
    });
    next = attempt;
    void dial(attempt);
    if (!current && state.code && state.status !== "closed") setState("reconnecting", state);
  }

  async function dial(attempt: Attempt): Promise<void> {
    let code = 4010; // a missing token is treated like an expired one: the next try asks for a new one
    try {
      secret = typeof token === "function" ? await token() : token;
      code = 1006;
      const name = transports[transportAt] as TransportName;
      const transport = await environment.transports[name]();
      // No await below: the handshake must describe the current subscriptions.
      const query = new URLSearchParams(url.searchParams);
      events.describe(name, query);
      // Also after a break: the server may not have noticed yet that the old connection is dead.
      if (resumeKey) query.set("takes_over", resumeKey);
      attempt.open(transport, { url, query, token: secret, WebSocket });
    } catch (error) {
      attempt.end({ code, reason: `${error}` });
    }
  }

  function handleFrame(frame: IncomingFrame): void {
    if (frame.type === "system") {
      if (frame.event === "draining") drain(frame);
      if (frame.event === "token-expiring") renew(frame.expires_in_ms);
    }
    events.onFrame(frame);
  }

  function welcome(attempt: Attempt, frame: WelcomeFrame): void {
    timer?.cancel();
    current?.drop();
    current = attempt;
    next = undefined;
    reconnectAt = 0;
    resumeKey = frame.resume_key;
    events.onWelcome(frame);
    if (state.status !== "connected") setState("connected", none);
  }

  function drain({ reconnect_after_ms, successor, message }: DrainingFrame): void {
    const waitMs = askedWait(reconnect_after_ms);
    reconnectAt = clock.monotonic() + waitMs;
    // A little early: a server with a successor closes the connection at that time.
    if (successor) switchConnection(0.9 * waitMs);
    else if (!stay) schedule(waitMs, () => current?.end({ code: 1012, reason: message }));
  }

  /** Another connection, with a new token, replaces this one in time. Many tokens may expire at once, so not all at once. */
  function renew(leftMs: number): void {
    if (typeof token !== "function" || renewed === secret) return;
    renewed = secret; // if the function returns the same token again, it is of no use
    switchConnection((0.2 + 0.4 * random()) * askedWait(leftMs));
  }

  /** Opens another connection while the current one stays in use. Waits longer each time the previous ones did not last. */
  function switchConnection(afterMs: number): void {
    resetFailures(current);
    schedule(Math.max(afterMs, failures && backoff(failures - 1, random())), () => {
      failures++;
      open();
    });
  }

  /** A connection that lasted five seconds resets the backoff. */
  function resetFailures(attempt: Attempt | undefined): void {
    if (attempt?.welcomedAt && clock.monotonic() - attempt.welcomedAt >= 5000) failures = 0;
  }

  function handleEnd(attempt: Attempt, closeInfo: CloseInfo): void {
    const { code } = closeInfo;
    const wasCurrent = attempt === current;
    if (wasCurrent) current = undefined;
    else next = undefined;
    if (next) {
      // `next` is taking over. Code 1000 means that the server closed the old connection for that reason.
      if (code !== 1000) setState("reconnecting", closeInfo);
      return;
    }
    if (isFinal(code) && (wasCurrent || !events.onRefused(closeInfo))) {
      // The successor was refused: keep the current connection as long as it lasts.
      if (!current) close(closeInfo);
      return;
    }
    resetFailures(attempt);
    if (!wasCurrent) {
      // A proxy may block WebSockets, which the client cannot tell from a server that is down. After two failures it tries the
      // other transport at once, and keeps it only if it connects. If the server is down, neither connects, although a proxy may
      // answer the stream. Without a network the file of the other transport could not be loaded, which some browsers remember.
      transportAt = code === 1006 && failures && isOnline() ? (transportAt + 1) % transports.length : 0;
      if (transportAt) {
        open();
        return;
      }
    }
    const drainMs = reconnectAt - clock.monotonic();
    const waitMs = Math.max(backoff(failures++, random()), drainMs, askedWait(closeInfo.retryAfterMs));
    schedule(waitMs, open);
    if (!current) setState("reconnecting", closeInfo, clock.now() + waitMs);
  }

  function wake(): void {
    const { nextTryAt = 0 } = state; // only set while waiting for the next try with a network
    current?.probe();
    if (current || next) return;
    if (isOnline()) {
      if (clock.now() >= nextTryAt) open(); // timers do not advance while the machine sleeps
    } else if (nextTryAt) setState("reconnecting", state);
  }

  /** Only one action is scheduled at a time. */
  function schedule(ms: number, run: () => void): void {
    timer?.cancel();
    timer = clock.setTimeout(run, ms);
  }

  /**
   * Always called last, because a state handler may close the client or connect it. Without a network the client still tries:
   * the runtime may be wrong, and a server on the same machine needs none.
   */
  function setState(status: ConnectionState["status"], { code, reason }: CloseInfo, nextTryAt?: number): void {
    const isOffline = status === "reconnecting" && !isOnline();
    state = isOffline ? { status: "offline", code, reason, nextTryAt: undefined } : { status, code, reason, nextTryAt };
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
