import { getLogger } from "@logtape/logtape";
import type { Server } from "bun";
import type { CloseReason } from "../../../protocol/close-codes.ts";
import { isoTime } from "../../../protocol/codec.ts";
import { type ErrorCode, ServiceError } from "../../../protocol/errors.ts";
import type { Admitted, Arrival } from "../../hub/arrival.ts";
import type { Hub } from "../../hub/hub.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Session } from "../../session/session.ts";
import { Wheel } from "../../session/wheel.ts";
import { faultOf } from "../fault.ts";
import type { Peer } from "../handshake.ts";
import { fullLength, StreamConnection } from "./stream-connection.ts";
import { checkCursorFits, parseStreamRequest, type StreamRequest } from "./stream-request.ts";
import { StreamTimers } from "./stream-timers.ts";
import { streamHeaders, tryLater } from "./try-later.ts";

/** Between two comments of a quiet stream. */
const commentMs = 15_000;
/** How long a stream that was ended may take to be read. Seconds. */
const lingerS = 30;
/** The shortest lifetime of a stream, as a part of STREAM_LIFETIME: spread, so that streams that began together end apart. */
const lifetimeSpread = 0.8;
/** A stream that began so recently has shown that its client is there. */
const provenMs = 15_000;
/** How long a client waits that was refused for a reason that passes, without a better hint. Milliseconds. */
const laterMs = 2000;

/** Refusals that pass by themselves, and the close code that a WebSocket would get for them. */
const passing: Readonly<Partial<Record<ErrorCode, CloseReason["name"]>>> = {
  draining: "unavailable",
  full: "unavailable",
  "rate-limited": "too-many",
  "broker-unavailable": "unavailable",
  internal: "internal",
  // The other connection may be dead, and found so by the time that the client tries again.
  conflict: "already-connected",
};

export interface SseSettings {
  /** Milliseconds; 0: streams are never ended for their age. */
  readonly streamLifetimeMs: number;
}

const log = () => getLogger(["fanfare", "transport"]);

/** Server-Sent Events: the request, and the stream that answers it. */
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

  /** @throws ServiceError for a request that is refused for good */
  async answer<T>(request: Request, server: Server<T>, peer: Peer): Promise<Response> {
    const asked = parseStreamRequest(request, peer);
    try {
      if (request.method === "HEAD") return await this.#describe(asked.arrival);
      return this.#stream(await this.#admit(asked.arrival), asked, { request, server });
    } catch (error) {
      const name = error instanceof ServiceError ? passing[error.code] : undefined;
      if (!(error instanceof ServiceError) || name === undefined) throw error;
      return tryLater({ name, text: error.message }, (error.retryAfterMs ?? laterMs) * (1 + Math.random()));
    }
  }

  close(): void {
    this.#comments.close();
  }

  /** What a GET would answer, without a stream and without a place among the connections. */
  async #describe(arrival: Arrival): Promise<Response> {
    const { userId } = await this.#hub.identify(arrival);
    checkCursorFits(arrival.channels, userId);
    return new Response(null, { headers: streamHeaders });
  }

  async #admit(arrival: Arrival): Promise<Admitted> {
    const admitted = await this.#hub.admit(arrival);
    try {
      checkCursorFits(arrival.channels, admitted.identity.userId); // perhaps only the token names the user
      return admitted;
    } catch (error) {
      this.#hub.giveUp(admitted);
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
          const opened = new StreamConnection(controller, this.#hub.backlog, () => {
            server.timeout(request, lingerS);
            queueMicrotask(() => ended());
          });
          connection = opened;
          const { session } = this.#hub.open(admitted, opened);
          const timers = this.#startTimers(session, heartbeatMs);
          const startedAt = this.#clock.monotonic();
          if (this.#hub.probesConnections) session.onProbe = () => this.#prove(session, startedAt);
          if (heartbeatMs === undefined) this.#comments.add(opened);
          ended = () => {
            timers.close();
            this.#comments.remove(opened);
            const fault = faultOf(session.closed);
            if (fault !== "") log().info("Client closed: {remote}: {fault}", { remote: session.origin.remote, fault });
            this.#hub.ended(session);
          };
        },
        pull: () => connection?.drained(),
        cancel: () => {
          connection?.gone();
          ended();
        },
      },
      { highWaterMark: fullLength, size: (chunk) => chunk?.length ?? 0 },
    );
    return new Response(stream, { headers: streamHeaders });
  }

  /**
   * A stream cannot be pinged. But a client that is still there resumes at once when its stream ends, long before the newcomer
   * tries again, and has its user back; one that is gone does not.
   */
  #prove(session: Session, startedAt: number): void {
    if (this.#clock.monotonic() - startedAt < provenMs) return;
    session.close({ name: "going-away", text: "another connection asks for this user; reconnect to keep it" });
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
        onLifetimeOver: () =>
          session.close({ name: "going-away", text: "the stream reached its lifetime; reconnect to resume" }),
      },
      this.#clock,
    );
  }
}
