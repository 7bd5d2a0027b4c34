import type { Socket } from "bun";
import type { Driver } from "../drivers/driver.ts";
import { FrameWalker } from "./frame-walker.ts";
import { MessageCounter } from "./message-counter.ts";
import type { ClientKind } from "./program.ts";

/** A pong without payload, masked with zeros (RFC 6455 §5.3). */
const pong = new Uint8Array([0x8a, 0x80, 0, 0, 0, 0]);
const headEnd = Buffer.from("\r\n\r\n");

/** The events of a client, for the load generator. */
export interface RawClientEvents {
  /** It is in the channel: the server's answer has arrived. */
  onOpen(): void;
  onMessages(count: number): void;
  /** Called with every chunk, to measure latency. */
  onPiece?(piece: Buffer): void;
  /** The server refused the connection, or it was lost. */
  onFailure(why: string): void;
}

/** One connection over a raw socket that counts messages without parsing them. */
export class RawClient {
  readonly #kind: ClientKind;
  readonly #driver: Driver;
  readonly #events: RawClientEvents;
  readonly #walker = new FrameWalker();
  readonly #counter = new MessageCounter();
  #head: Buffer | undefined = Buffer.alloc(0);

  constructor(kind: ClientKind, driver: Driver, events: RawClientEvents) {
    this.#kind = kind;
    this.#driver = driver;
    this.#events = events;
  }

  onConnected(socket: Socket<RawClient>, host: string): void {
    socket.write(handshake(this.#kind, this.#driver.socketPath(undefined), host));
  }

  onData(socket: Socket<RawClient>, piece: Buffer): void {
    if (this.#head === undefined) this.#read(socket, piece);
    else this.#readHead(socket, Buffer.concat([this.#head, piece]));
  }

  onClosed(): void {
    this.#events.onFailure("the server closed the connection");
  }

  #readHead(socket: Socket<RawClient>, head: Buffer): void {
    const end = head.indexOf(headEnd);
    this.#head = head;
    if (end === -1) return;
    const status = head.toString("latin1", 9, 12);
    if (status !== (this.#kind === "sse" ? "200" : "101")) {
      this.#events.onFailure(head.toString("latin1", 0, 500));
      return;
    }
    this.#head = undefined;
    for (const text of this.#driver.greeting?.(undefined) ?? []) socket.write(textFrame(text));
    this.#events.onOpen();
    if (head.length > end + headEnd.length) this.#read(socket, head.subarray(end + headEnd.length));
  }

  #read(socket: Socket<RawClient>, piece: Buffer): void {
    this.#events.onPiece?.(piece);
    if (this.#kind === "sse") {
      this.#events.onMessages(this.#counter.count(piece));
      return;
    }
    const { textFrames, pings } = this.#walker.walk(piece);
    if (pings > 0) socket.write(pong);
    // For a plain client, each frame is a message. Other frames arrive before the counting begins.
    this.#events.onMessages(this.#kind === "plain" ? textFrames : this.#counter.count(piece));
  }
}

/** A text frame, masked with zeros (RFC 6455 §5.2). */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > 65_535) throw new Error(`a greeting of ${payload.length} bytes, expected at most 65535`);
  const isShort = payload.length < 126;
  const header = Buffer.alloc(isShort ? 6 : 8);
  header[0] = 0x81;
  header[1] = 0x80 | (isShort ? payload.length : 126);
  if (!isShort) header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}

function handshake(kind: ClientKind, path: string, host: string): string {
  if (kind === "sse") return `GET /sse HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`;
  const subprotocol = kind === "v1" ? "Sec-WebSocket-Protocol: fanfare.v1\r\n" : "";
  return (
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${subprotocol}\r\n`
  );
}
