import { getLogger } from "@logtape/logtape";
import type { Server } from "bun";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { type ErrorCode, ServiceError } from "../../../protocol/errors.ts";
import { limits } from "../../../protocol/limits.ts";
import { cursorPrefix } from "../../../protocol/position.ts";
import type { Admitted, Arrival } from "../../hub/arrival.ts";
import type { Hub } from "../../hub/hub.ts";
import type { Clock } from "../../lib/clock.ts";
import { Wheel } from "../../session/wheel.ts";
import { faultOf } from "../fault.ts";
import { type Peer, parseArrival } from "../handshake.ts";
import { sseRetry } from "./sse-form.ts";
import { fullLength, StreamConnection } from "./stream-connection.ts";

/** Between two comments of a quiet stream. */
const commentMs = 15_000;
/** How long a stream that was ended may take to be read. Seconds. */
const lingerS = 30;
/** An epoch and an offset in a cursor, with what surrounds them. */
const positionBytes = 32;
/** What may pass by itself: an EventSource is told when to come back, since any other answer ends it for good. */
const passing: readonly ErrorCode[] = ["draining", "full", "rate-limited", "broker-unavailable", "internal"];

const headers = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
};

const log = () => getLogger(["fanfare", "transport"]);

/** Server-Sent Events: the request, and the stream that answers it. */
export class SseTransport {
  readonly #hub: Hub;
  readonly #comments: Wheel<StreamConnection>;

  constructor(hub: Hub, clock: Clock) {
    this.#hub = hub;
    this.#comments = new Wheel(commentMs, 1000, clock, (stream) => stream.comment());
  }

  /** @throws ServiceError for a request that is refused for good */
  async answer<T>(request: Request, server: Server<T>, peer: Peer): Promise<Response> {
    const arrival = parseArrival(request, peer);
    checkCursorFits(arrival.channels, arrival.userId);
    try {
      return this.#stream(await this.#admit(arrival), request, server);
    } catch (error) {
      if (!(error instanceof ServiceError) || !passing.includes(error.code)) throw error;
      const afterMs = (error.retryAfterMs ?? 2000) * (1 + Math.random());
      return new Response(sseRetry(afterMs), { headers });
    }
  }

  close(): void {
    this.#comments.close();
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

  #stream<T>(admitted: Admitted, request: Request, server: Server<T>): Response {
    server.timeout(request, 0);
    let connection: StreamConnection | undefined;
    let ended: () => void = () => undefined;
    const stream = new ReadableStream<string>(
      {
        start: (controller) => {
          const opened = new StreamConnection(controller, () => {
            server.timeout(request, lingerS);
            queueMicrotask(() => ended());
          });
          connection = opened;
          this.#comments.add(opened);
          const { session } = this.#hub.open(admitted, opened);
          ended = () => {
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
    return new Response(stream, { headers });
  }
}

/** A stream resumes by its cursor alone, so one that could not name all its channels is refused at once. */
function checkCursorFits(channels: readonly ChannelName[], userId: string | undefined): void {
  const bytes = channels.reduce((sum, channel) => sum + cursorPrefix(channel, "").length + positionBytes, 0);
  const own = userId === undefined ? 0 : encodeURIComponent(userId).length;
  if (bytes + own + 3 * positionBytes <= limits.cursorBytes) return;
  const rule = `so few and short names that a cursor of ${limits.cursorBytes} bytes can hold them`;
  throw new ServiceError("bad-request", `channel: expected ${rule}; use a WebSocket for more`, { field: "channel" });
}
