import { RawSocket } from "./raw-socket.ts";

/** Opcodes of RFC 6455 §5.2. */
export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const text = new TextDecoder();

/** A hand-written WebSocket client on a raw connection: it can stop reading, and can send what no library would. */
export class RawWebSocket implements Disposable {
  readonly socket: RawSocket;
  /** Called with each text message. If it is not set, they are kept in `texts`. */
  onText: ((payload: Buffer) => void) | undefined;
  readonly texts: string[] = [];
  /** The number of pings received, and what to do at each. */
  pings = 0;
  onPing: (() => void) | undefined;
  /** The code of the close frame: 1005 if it had none, undefined before one arrives. */
  closeCode: number | undefined;
  #rest = Buffer.alloc(0);

  private constructor(socket: RawSocket) {
    this.socket = socket;
  }

  /** Resolves once the handshake is answered with 101. @param path such as `/ws?channel=a` */
  static async open(port: number, path: string, headers = ""): Promise<RawWebSocket> {
    const socket = await RawSocket.connect(port);
    socket.write(handshake(port, path, headers));
    await socket.untilReceived(/\r\n\r\n/);
    if (!socket.received.startsWith("HTTP/1.1 101")) throw new Error(`refused: ${socket.received}`);
    const raw = new RawWebSocket(socket);
    const rest = Buffer.from(socket.received.slice(socket.received.indexOf("\r\n\r\n") + 4), "latin1");
    socket.received = "";
    socket.onData = (chunk) => raw.#take(chunk);
    raw.#take(rest);
    return raw;
  }

  /** Sends one complete text message. */
  send(message: string): void {
    this.socket.write(frame(opcode.text, Buffer.from(message)));
  }

  /** Sends an unsolicited pong, which shows that the client is alive. */
  pong(): void {
    this.socket.write(frame(opcode.pong, new Uint8Array()));
  }

  /** Resolves with the texts once one of them matches. */
  async untilText(pattern: RegExp, timeoutMs?: number): Promise<readonly string[]> {
    await this.socket.until(() => this.texts.some((it) => pattern.test(it)), timeoutMs);
    return this.texts;
  }

  async untilClosed(timeoutMs?: number): Promise<number | undefined> {
    await this.socket.until(() => this.closeCode !== undefined || this.socket.isEnded, timeoutMs);
    return this.closeCode;
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  #take(chunk: Buffer): void {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const parsed = parseFrame(rest);
      if (parsed === undefined) break;
      rest = rest.subarray(parsed.end);
      if (parsed.opcode === opcode.text) this.#receive(parsed.payload);
      if (parsed.opcode === opcode.ping) {
        this.pings++;
        this.onPing?.();
      }
      if (parsed.opcode === opcode.close)
        this.closeCode = parsed.payload.length < 2 ? 1005 : parsed.payload.readUInt16BE();
    }
    this.#rest = Buffer.from(rest);
  }

  #receive(payload: Buffer): void {
    if (this.onText === undefined) this.texts.push(text.decode(payload));
    else this.onText(payload);
  }
}

/** The request that starts a handshake. */
export function handshake(port: number, path: string, headers = ""): string {
  const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${upgrade}${key}${headers}\r\n`;
}

/** One masked frame, as a client must send it. The mask is all zeros, which leaves the payload readable. */
export function frame(code: number, payload: Uint8Array, { isLast = true } = {}): Buffer {
  const head = [(isLast ? 0x80 : 0) | code];
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(payload.length));
  if (payload.length < 126) head.push(0x80 | payload.length);
  else if (payload.length < 65_536) head.push(0x80 | 126, ...size.subarray(6));
  else head.push(0x80 | 127, ...size);
  return Buffer.concat([Buffer.from(head), Buffer.alloc(4), payload]);
}

/** The first complete frame of a server's bytes. `end` is where the next one begins. */
function parseFrame(bytes: Buffer): { opcode: number; payload: Buffer; end: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const end = start + length;
  return bytes.length < end ? undefined : { opcode: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(start, end), end };
}
