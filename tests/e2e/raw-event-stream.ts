import { RawSocket } from "./raw-socket.ts";

/** Server-Sent Events read by hand from a raw connection, so that a test can stop reading. */
export class RawEventStream implements Disposable {
  readonly socket: RawSocket;
  /** Called with each block's `data`. If it is not set, they are kept in `texts`. */
  onText: ((payload: Buffer) => void) | undefined;
  readonly texts: string[] = [];
  /** Called with each `id:`. */
  onId: ((id: string) => void) | undefined;
  /** The value of the last `id:`. */
  lastEventId = "";
  /** The value of the last `retry:`. */
  retry: string | undefined;
  /** The final empty chunk has arrived: the stream was ended, not cut. */
  isComplete = false;
  #raw = Buffer.alloc(0);
  #text = "";

  private constructor(socket: RawSocket) {
    this.socket = socket;
  }

  /**
   * Resolves once the response begins with status 200.
   * @param path such as `/sse?channel=a`
   * @param prepare sets the callbacks before anything arrives
   */
  static async open(
    port: number,
    path: string,
    headers = "",
    prepare?: (stream: RawEventStream) => void,
  ): Promise<RawEventStream> {
    const socket = await RawSocket.connect(port);
    const stream = new RawEventStream(socket);
    prepare?.(stream);
    let head = "";
    socket.onData = (chunk) => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.onData = (next) => stream.#take(next);
      stream.#take(Buffer.from(head.slice(end + 4), "latin1"));
    };
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
    await socket.until(() => socket.isEnded || head.includes("\r\n\r\n"));
    if (!head.startsWith("HTTP/1.1 200")) throw new Error(`refused: ${head}`);
    return stream;
  }

  async untilText(pattern: RegExp, timeoutMs?: number): Promise<readonly string[]> {
    await this.socket.until(() => this.texts.some((it) => pattern.test(it)), timeoutMs);
    return this.texts;
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  /** Decodes the chunks (RFC 9112 §7.1). */
  #take(bytes: Buffer): void {
    let rest = this.#raw.length === 0 ? bytes : Buffer.concat([this.#raw, bytes]);
    for (;;) {
      const line = rest.indexOf("\r\n");
      const size = line < 0 ? 0 : Number.parseInt(rest.toString("latin1", 0, line), 16);
      if (line < 0 || rest.length < line + 2 + size + 2) break;
      if (size === 0) this.isComplete = true;
      this.#text += rest.toString("latin1", line + 2, line + 2 + size);
      rest = rest.subarray(line + 2 + size + 2);
    }
    this.#raw = Buffer.from(rest);
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) this.#receive(block);
  }

  #receive(block: string): void {
    for (const line of block.split("\n")) {
      if (line.startsWith("id: ")) this.#identify(line.slice(4));
      else if (line.startsWith("retry: ")) this.retry = line.slice(7);
      else if (line.startsWith("data: ")) this.#say(Buffer.from(line.slice(6), "latin1"));
    }
  }

  #identify(id: string): void {
    this.lastEventId = id;
    this.onId?.(id);
  }

  #say(payload: Buffer): void {
    if (this.onText === undefined) this.texts.push(payload.toString());
    else this.onText(payload);
  }
}
