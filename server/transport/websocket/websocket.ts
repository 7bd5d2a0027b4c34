import { getLogger } from "@logtape/logtape";
import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import type { CloseName, CloseReason } from "../../../protocol/close-codes.ts";
import { type ErrorCode, isRetryable, ServiceError } from "../../../protocol/errors.ts";
import type { Admitted } from "../../hub/arrival.ts";
import type { Conversation } from "../../hub/conversation.ts";
import type { Hub } from "../../hub/hub.ts";
import type { Clock } from "../../lib/clock.ts";
import { Heartbeat, type HeartbeatTimes } from "../../session/heartbeat.ts";
import { faultOf } from "../fault.ts";
import { offeredSubprotocols, type Peer, parseArrival } from "../handshake.ts";
import { batchForm } from "./batch-form.ts";
import { plainForm } from "./plain-form.ts";
import { SocketConnection } from "./socket-connection.ts";
import { type WriteLimits, writeLimits } from "./write-limits.ts";

/** The subprotocol whose clients understand several frames as one array. */
const subprotocol = "fanfare.v1";
/** Bytes that a frame may hold beside the body of its publication: labels and headers. */
const envelopeBytes = 16 * 1024;
/** Every byte of a text may arrive as an escape of six, such as `\u0041`. */
const escapeFactor = 6;
/** Frames up to this size are read in any case, so that too much is answered with `too-large`. */
const leastFrameBytes = 1024 ** 2;

/** What the engine says of sockets that ended without a close frame of the other side; of its own faults with a reason. */
const engineCode = 1006;

const log = () => getLogger(["fanfare", "transport"]);

/** What the engine keeps per socket. */
export interface SocketState {
  /** Somebody who was let in, or the goodbye to one who was not. Taken away once the socket is open. */
  entrance: Admitted | CloseReason | undefined;
  readonly speaksBatches: boolean;
  connection?: SocketConnection<SocketState>;
  conversation?: Conversation;
}

export interface WebSocketSettings {
  readonly heartbeat: HeartbeatTimes;
  /** Bytes of one publication; a frame may be larger, see `maxFrameBytes`. */
  readonly maxMessageBytes: number;
}

/** WebSockets: the handshake, and the engine's events on their way to the hub. */
export class WebSocketTransport {
  /** For `Bun.serve`. */
  readonly handler: WebSocketHandler<SocketState>;
  readonly #hub: Hub;
  readonly #heartbeat: Heartbeat;
  readonly #limits: WriteLimits;

  constructor(hub: Hub, settings: WebSocketSettings, clock: Clock) {
    this.#hub = hub;
    this.#heartbeat = new Heartbeat(settings.heartbeat, clock);
    this.#limits = writeLimits(settings.maxMessageBytes);
    this.handler = {
      maxPayloadLength: maxFrameBytes(settings.maxMessageBytes),
      backpressureLimit: this.#limits.engineBytes,
      closeOnBackpressureLimit: false,
      idleTimeout: 0, // the heartbeat sees to the dead: the engine would count what it sends as their life
      sendPings: false,
      perMessageDeflate: false,
      open: (socket) => this.#open(socket),
      message: (socket, message) => this.#message(socket, message),
      ping: ({ data }) => this.#control(data),
      pong: ({ data }) => this.#control(data),
      drain: ({ data: { connection } }) => connection?.drained(),
      close: (socket, code, reason) => this.#closed(socket, code === engineCode ? reason : ""),
    };
  }

  /**
   * Answers a handshake; `undefined` when the socket is open and everything further comes through `handler`.
   * A browser cannot see the status of a refused one, so it and those who chose our subprotocol get a socket that is
   * closed at once with a code.
   * @throws ServiceError for everybody else who may not come in
   */
  upgrade(request: Request, server: Server<SocketState>, peer: Peer): undefined | Promise<undefined> {
    if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      throw new ServiceError("upgrade-required", "this path wants a WebSocket handshake (Upgrade: websocket)");
    }
    try {
      const admitted = this.#hub.admit(parseArrival(request, peer));
      if (!(admitted instanceof Promise)) return this.#accept(request, server, admitted);
      return admitted.then(
        (it) => this.#accept(request, server, it),
        (error: unknown) => this.refuse(request, server, error),
      );
    } catch (error) {
      return this.refuse(request, server, error);
    }
  }

  /** The same refusal for a handshake that did not come as far as `upgrade`. @throws the error, where a status can be seen */
  refuse(request: Request, server: Server<SocketState>, error: unknown): undefined {
    const seesCodesOnly = request.headers.has("Origin") || offeredSubprotocols(request).includes(subprotocol);
    if (!(error instanceof ServiceError) || !seesCodesOnly) throw error;
    if (!this.#upgrade(request, server, { name: goodbyeFor(error.code), text: error.message })) throw error;
    return undefined;
  }

  close(): void {
    this.#heartbeat.close();
  }

  #accept(request: Request, server: Server<SocketState>, admitted: Admitted): undefined {
    if (this.#upgrade(request, server, admitted)) return undefined;
    this.#hub.giveUp(admitted);
    throw new ServiceError("bad-request", "the WebSocket handshake is incomplete (RFC 6455 §4.2.1)");
  }

  #upgrade(request: Request, server: Server<SocketState>, entrance: SocketState["entrance"]): boolean {
    const speaksBatches = offeredSubprotocols(request).includes(subprotocol);
    // An empty choice must be said: the engine would answer with the first one that was offered.
    const headers = { "Sec-WebSocket-Protocol": speaksBatches ? subprotocol : "" };
    return server.upgrade(request, { data: { entrance, speaksBatches }, headers });
  }

  #open(socket: ServerWebSocket<SocketState>): void {
    const { entrance, speaksBatches } = socket.data;
    const { refuseBytes } = this.#limits;
    const form = speaksBatches ? batchForm : plainForm;
    const connection = new SocketConnection(socket, form, { backlog: this.#hub.backlog, refuseBytes });
    if (entrance === undefined) return;
    socket.data.entrance = undefined;
    if ("name" in entrance) {
      connection.close(entrance);
      return;
    }
    socket.data.connection = connection;
    this.#heartbeat.add(connection);
    const conversation = this.#hub.open(entrance, connection);
    socket.data.conversation = conversation;
    if (this.#hub.probesConnections) conversation.session.onProbe = () => this.#heartbeat.probe(connection);
  }

  #message(socket: ServerWebSocket<SocketState>, message: string | Buffer): void {
    const { connection, conversation } = socket.data;
    if (connection === undefined || conversation === undefined) return;
    this.#heartbeat.seen(connection);
    if (typeof message === "string") conversation.hear(message);
    else conversation.session.close({ name: "binary-frame" });
  }

  /** A ping, which the engine has answered, or a pong. */
  #control({ connection, conversation }: SocketState): void {
    if (connection === undefined || conversation === undefined) return;
    this.#heartbeat.seen(connection);
    connection.noteHeld();
    conversation.hearControl();
  }

  /** @param engineReason what the engine found wrong with the other side's bytes; "" where it found nothing */
  #closed(socket: ServerWebSocket<SocketState>, engineReason: string): void {
    const { connection, conversation } = socket.data;
    if (connection === undefined || conversation === undefined) return;
    const { session } = conversation;
    const fault = engineReason === "" ? faultOf(connection.closedBecause) : engineReason;
    if (fault !== "") log().info("Client closed: {remote}: {fault}", { remote: session.origin.remote, fault });
    connection.gone();
    this.#heartbeat.remove(connection);
    // The engine calls this in the middle of our own `close`; the hub hears of it when that turn is over.
    queueMicrotask(() => this.#hub.ended(session));
    log().debug("Socket closed: {id}", { id: session.id });
  }
}

/**
 * The largest frame that is read. It holds the largest publication however it is escaped, and what is somewhat larger, which
 * the hub refuses with `too-large`. Only beyond it the engine closes the connection (1009).
 * @param maxMessageBytes bytes of the largest publication
 */
export function maxFrameBytes(maxMessageBytes: number): number {
  return Math.max(leastFrameBytes, escapeFactor * (maxMessageBytes + envelopeBytes));
}

/** How a refused handshake is answered where only close codes can be seen: a client reconnects if `errorTable` says retry. */
export function goodbyeFor(code: ErrorCode): CloseName {
  return goodbyes[code] ?? (isRetryable(code) ? "unavailable" : "bad-request");
}

const goodbyes: Partial<Record<ErrorCode, CloseName>> = {
  unauthorized: "not-allowed",
  "token-expired": "token-expired",
  forbidden: "not-allowed",
  conflict: "already-connected",
  "rate-limited": "too-many",
  internal: "internal",
};
