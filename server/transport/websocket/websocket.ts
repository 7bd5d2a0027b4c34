import { getLogger } from "@logtape/logtape";
import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import type { CloseReason } from "../../../protocol/close-codes.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Admitted } from "../../hub/handshake.ts";
import type { Hub } from "../../hub/hub.ts";
import type { Clock } from "../../lib/clock.ts";
import { Heartbeat, type HeartbeatTimes } from "../../session/heartbeat.ts";
import { closeNameFor } from "../close-name.ts";
import { faultOf } from "../fault.ts";
import { offeredSubprotocols, type Peer, parseHandshake } from "../handshake.ts";
import { batchForm } from "./batch-form.ts";
import { plainForm } from "./plain-form.ts";
import { SocketConnection, type SocketParts } from "./socket-connection.ts";
import { writeLimits } from "./write-limits.ts";

/** The subprotocol whose clients accept several frames as one array. */
const subprotocol = "fanfare.v1";
/** Bytes of a frame besides the body of its publication: labels and headers. */
const envelopeBytes = 16 * 1024;
/** Every byte of a text may be sent as an escape of six bytes, such as `\u0041`. */
const escapeFactor = 6;
/** Frames up to this size are always read, so that a too large message gets the error `too-large`. */
const leastFrameBytes = 1024 ** 2;

/**
 * The engine closes a socket without traffic after this time, the longest that it allows. Pings and SLOW_TIMEOUT come
 * earlier, and detect dead clients better: the engine counts what it sends as activity.
 *
 * It matters only that the time is not 0. It also determines how long a socket that we have closed may make no progress
 * until the engine throws away its buffer and the close frame: 12 to 16 s. With 0 it is 0 to 4 s (Bun 1.4.4).
 */
const engineIdleTimeoutS = 960;
/**
 * The engine's code for sockets that ended without a close frame from the client; with a reason if it found an error
 * itself.
 */
const engineCode = 1006;

const log = () => getLogger(["fanfare", "transport"]);

/** The data of a socket in the engine: its handshake until it is open, then its connection. */
export type SocketState = Upgrading | SocketConnection;

interface Upgrading {
  /** The accepted handshake, or the reason for refusing it. */
  readonly handshake: Admitted | CloseReason;
  readonly speaksBatches: boolean;
}

export interface WebSocketSettings {
  readonly heartbeat: HeartbeatTimes;
  /** Bytes of one publication; a frame may be larger, see `maxFrameBytes`. */
  readonly maxMessageBytes: number;
}

/** The WebSocket transport: handles handshakes and passes the engine's events to the hub. */
export class WebSocketTransport {
  /** For `Bun.serve`. */
  readonly handler: WebSocketHandler<SocketState>;
  /** Called for a refused handshake that is answered with a close code; others are thrown. */
  onRefused: (request: Request, server: Server<SocketState>, error: ServiceError) => void = () => undefined;
  readonly #hub: Hub;
  readonly #heartbeat: Heartbeat;
  readonly #plainParts: SocketParts;
  readonly #batchParts: SocketParts;

  constructor(hub: Hub, settings: WebSocketSettings, clock: Clock) {
    this.#hub = hub;
    this.#heartbeat = new Heartbeat(settings.heartbeat, clock);
    const { engineBytes, refuseBytes } = writeLimits(settings.maxMessageBytes);
    const parts = { backlog: hub.backlog, heartbeat: this.#heartbeat, refuseBytes };
    this.#plainParts = { ...parts, wireForm: plainForm };
    this.#batchParts = { ...parts, wireForm: batchForm };
    this.handler = {
      maxPayloadLength: maxFrameBytes(settings.maxMessageBytes),
      backpressureLimit: engineBytes,
      closeOnBackpressureLimit: false,
      idleTimeout: engineIdleTimeoutS,
      sendPings: false,
      perMessageDeflate: false,
      open: (socket) => this.#open(socket),
      message: (socket, message) => this.#message(socket, message),
      ping: ({ data }) => this.#control(data),
      pong: ({ data }) => this.#control(data),
      drain: ({ data }) => {
        if (data instanceof SocketConnection) data.drained();
      },
      close: (socket, code, reason) => this.#closed(socket, code === engineCode ? reason : ""),
    };
  }

  /**
   * Answers a handshake. Returns `undefined` once the socket is open; from then on `handler` is called.
   * A browser cannot see the status of a refused handshake. So browsers, and clients with our subprotocol, get a socket that
   * is closed at once with a code.
   * @throws ServiceError for all other refused clients
   */
  upgrade(request: Request, server: Server<SocketState>, peer: Peer): undefined | Promise<undefined> {
    if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      throw new ServiceError("upgrade-required", "this path requires a WebSocket handshake (Upgrade: websocket)");
    }
    try {
      const admitted = this.#hub.admit(parseHandshake(request, peer));
      if (!(admitted instanceof Promise)) return this.#accept(request, server, admitted);
      return admitted.then(
        (it) => this.#accept(request, server, it),
        (error: unknown) => this.refuse(request, server, error),
      );
    } catch (error) {
      return this.refuse(request, server, error);
    }
  }

  /**
   * Refuses a handshake in the same way before it reaches `upgrade`. @throws the error, for clients that can see a status
   */
  refuse(request: Request, server: Server<SocketState>, error: unknown): undefined {
    const seesCodesOnly = request.headers.has("Origin") || offeredSubprotocols(request).includes(subprotocol);
    if (!(error instanceof ServiceError) || !seesCodesOnly) throw error;
    this.onRefused(request, server, error);
    if (!this.#upgrade(request, server, { name: closeNameFor(error.code), text: error.message })) throw error;
    return undefined;
  }

  close(): void {
    this.#heartbeat.close();
  }

  #accept(request: Request, server: Server<SocketState>, admitted: Admitted): undefined {
    if (this.#upgrade(request, server, admitted)) return undefined;
    this.#hub.cancel(admitted);
    throw new ServiceError("bad-request", "the WebSocket handshake is incomplete (RFC 6455 §4.2.1)");
  }

  #upgrade(request: Request, server: Server<SocketState>, handshake: Upgrading["handshake"]): boolean {
    const speaksBatches = offeredSubprotocols(request).includes(subprotocol);
    // The header is set even if empty: otherwise the engine would choose the first subprotocol offered.
    const headers = { "Sec-WebSocket-Protocol": speaksBatches ? subprotocol : "" };
    return server.upgrade(request, { data: { handshake, speaksBatches }, headers });
  }

  #open(socket: ServerWebSocket<SocketState>): void {
    if (socket.data instanceof SocketConnection) return;
    const { handshake, speaksBatches } = socket.data;
    const parts = speaksBatches ? this.#batchParts : this.#plainParts;
    if ("name" in handshake) {
      new SocketConnection(socket, parts).close(handshake);
      return;
    }
    const connection = new SocketConnection(socket, parts, handshake.handshake.socket);
    socket.data = connection;
    this.#heartbeat.add(connection);
    this.#hub.open(handshake, connection);
  }

  #message(socket: ServerWebSocket<SocketState>, message: string | Buffer): void {
    const { data: connection } = socket;
    if (!(connection instanceof SocketConnection) || connection.owner === undefined) return;
    this.#heartbeat.seen(connection);
    if (typeof message === "string") this.#hub.conversationOf(connection.owner).receive(message);
    else connection.owner.close({ name: "binary-frame" });
  }

  /** A ping, which the engine has already answered, or a pong. */
  #control(connection: SocketState): void {
    if (!(connection instanceof SocketConnection) || connection.owner === undefined) return;
    const isAnswer = this.#heartbeat.seen(connection);
    connection.noteHeld();
    if (isAnswer) this.#hub.countPong();
    else this.#hub.conversationOf(connection.owner).receiveControl();
  }

  /** @param engineReason the protocol error that the engine found; "" if none */
  #closed(socket: ServerWebSocket<SocketState>, engineReason: string): void {
    const { data: connection } = socket;
    if (!(connection instanceof SocketConnection) || connection.owner === undefined) return;
    const { owner: session } = connection;
    const fault = engineReason === "" ? faultOf(connection.closedBecause) : engineReason;
    if (fault !== "") log().info("Client closed: {remote}: {fault}", { remote: session.origin.remote, fault });
    connection.markClosed();
    this.#heartbeat.remove(connection);
    // The engine calls this inside our own `close`, so the hub is notified after this turn.
    queueMicrotask(() => this.#hub.ended(session));
    log().debug("Socket closed: {id}", { id: session.id });
  }
}

/**
 * The largest frame that is read. Large enough for the largest publication however it is escaped, and for somewhat larger
 * ones, which the hub refuses with `too-large`. Beyond it the engine closes the connection (1009).
 * @param maxMessageBytes bytes of the largest publication
 */
export function maxFrameBytes(maxMessageBytes: number): number {
  return Math.max(leastFrameBytes, escapeFactor * (maxMessageBytes + envelopeBytes));
}
