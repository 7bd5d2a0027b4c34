import { getLogger } from "@logtape/logtape";
import type { Server } from "bun";
import { isoTime } from "../../../protocol/codec.ts";
import { type ErrorCode, isRetryable, ServiceError } from "../../../protocol/errors.ts";
import type { Admitted, Handshake } from "../../hub/handshake.ts";
import type { Hub } from "../../hub/hub.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Session } from "../../session/session.ts";
import { Wheel } from "../../session/wheel.ts";
import { closeNameFor } from "../close-name.ts";
import { faultOf } from "../fault.ts";
import type { Peer } from "../handshake.ts";
import { fullLength, StreamConnection } from "./stream-connection.ts";
import { checkCursorFits, parseStreamRequest, type StreamRequest } from "./stream-request.ts";
import { StreamTimers } from "./stream-timers.ts";
import { streamHeaders, tryLater } from "./try-later.ts";

/** Interval of the comments on a quiet stream. */
const commentMs = 15_000;
/** How long the client may take to read the rest of a stream that has ended. Seconds. */
const lingerS = 30;
/** The shortest lifetime of a stream, as a fraction of STREAM_LIFETIME. Randomized, so that streams that began together do not end together. */
const lifetimeSpread = 0.8;
/** The client of a stream that began less than this ago is assumed to be there. */
const assumedAliveMs = 15_000;
/** The retry delay after a temporary refusal that has none of its own. Milliseconds. */
const laterMs = 2000;

export interface SseSettings {
  /** Milliseconds; 0: no limit. */
  readonly streamLifetimeMs: number;
}

const log = () => getLogger(["fanfare", "transport"]);

/** The Server-Sent Events transport: the request, and the stream that answers it. */
export class SseTransport {
  readonly #hub: Hub;
  readonly #settings: SseSettings;
  readonly #clock: Clock;
  readonly #comments: Wheel<StreamConnection>;

  constructor(hub: Hub, settings: SseSettings, clock: Clock) {
    this.#hub = hub;
    this.#settings = settings;
    this.#clock = clock;
    this.#comments = new Wheel(
      {
        intervalMs: commentMs,
        tickMs: 1000,
        visit: (stream) => stream.comment(),
        onFault: (stream) => stream.drop(),
      },
      clock,
    );
  }

  /** @throws ServiceError for a request that is refused permanently */
  async answer<T>(request: Request, server: Server<T>, peer: Peer): Promise<Response> {
    const asked = parseStreamRequest(request, peer);
    try {
      if (request.method === "HEAD") return await this.#describe(asked.handshake);
      return this.#stream(await this.#admit(asked.handshake), asked, { request, server });
    } catch (error) {
      if (!(error instanceof ServiceError) || !isTemporary(error.code)) throw error;
      const reason = { name: closeNameFor(error.code), text: error.message };
      return tryLater(reason, (error.retryAfterMs ?? laterMs) * (1 + Math.random()));
    }
  }

  close(): void {
    this.#comments.close();
  }

  /** Answers HEAD: the headers of a GET, without opening a stream or counting a connection. */
  async #describe(handshake: Handshake): Promise<Response> {
    const { userId } = await this.#hub.identify(handshake);
    checkCursorFits(handshake.channels, userId);
    return new Response(null, { headers: streamHeaders });
  }

  async #admit(handshake: Handshake): Promise<Admitted> {
    const admitted = await this.#hub.admit(handshake);
    try {
      checkCursorFits(handshake.channels, admitted.identity.userId); // the user may be known only from the token
      return admitted;
    } catch (error) {
      this.#hub.cancel(admitted);
      throw error;
    }
  }

  #stream<T>(
    admitted: Admitted,
    { heartbeatMs }: StreamRequest,
    { request, server }: { readonly request: Request; readonly server: Server<T> },
  ): Response {
    server.timeout(request, 0);
    let connection: StreamConnection | undefined;
    let ended: () => void = () => undefined;
    const stream = new ReadableStream<string>(
      {
        start: (controller) => {
          const opened = new StreamConnection(controller, {
            backlog: this.#hub.backlog,
            peer: admitted.handshake.socket,
            onClose: () => {
              server.timeout(request, lingerS);
              queueMicrotask(() => ended());
            },
            onProbe: () => this.#probe(session, startedAt),
          });
          connection = opened;
          const startedAt = this.#clock.monotonic();
          const session = this.#hub.open(admitted, opened);
          const timers = this.#startTimers(session, heartbeatMs);
          if (heartbeatMs === undefined) this.#comments.add(opened);
          ended = () => {
            ended = () => undefined; // a stream that the server ends is also cancelled
            timers.close();
            this.#comments.remove(opened);
            const fault = faultOf(session.closed);
            if (fault !== "") log().info("Client closed: {remote}: {fault}", { remote: session.origin.remote, fault });
            this.#hub.ended(session);
          };
        },
        pull: () => connection?.drained(),
        cancel: () => {
          connection?.markClosed();
          ended();
        },
      },
      { highWaterMark: fullLength, size: (chunk) => chunk?.length ?? 0 },
    );
    return new Response(stream, { headers: streamHeaders });
  }

  /**
   * A stream cannot be pinged. Ending it is a test instead: a client that is still there resumes at once, long before the new
   * connection retries, and keeps its user.
   */
  #probe(session: Session, startedAt: number): void {
    if (this.#clock.monotonic() - startedAt < assumedAliveMs) return;
    session.close({ name: "going-away", text: "another connection requested this user; reconnect to keep it" });
  }

  /** Ends a stream so that its client resumes with a new one. */
  async #renew(session: Session): Promise<void> {
    await this.#hub.presence.release(session);
    session.close({ name: "going-away", text: "the stream reached its lifetime; reconnect to resume" });
  }

  #startTimers(session: Session, heartbeatMs: number | undefined): StreamTimers {
    const { streamLifetimeMs } = this.#settings;
    const part = lifetimeSpread + Math.random() * (1 - lifetimeSpread);
    return new StreamTimers(
      { heartbeatMs, lifetimeMs: streamLifetimeMs === 0 ? undefined : streamLifetimeMs * part },
      {
        onHeartbeat: () => {
          const timestamp = isoTime(this.#clock.now());
          if (session.isWelcomed && !session.isBlocked) {
            session.sendFrame({ type: "system", event: "heartbeat", timestamp });
          }
        },
        onLifetimeOver: () => void this.#renew(session),
      },
      this.#clock,
    );
  }
}

/** Whether a refused stream may be accepted later. */
function isTemporary(code: ErrorCode): boolean {
  // The other connection may be dead, and detected as such by the time the client retries.
  return isRetryable(code) || code === "conflict";
}
