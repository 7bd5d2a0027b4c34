import { defaultTimeoutMs } from "../waiting.ts";
/** A parsed frame. */
export type Frame = Readonly<Record<string, unknown>>;

/** How a client connects. */
export interface SocketOptions {
  readonly headers?: Record<string, string>;
  readonly protocols?: string[];
  readonly tls?: { readonly ca: string };
}

/** A plain WebSocket client that records what it receives. A test can wait for a frame. */
export class SocketUnderTest implements Disposable {
  readonly frames: Frame[] = [];
  /** The received texts, one per WebSocket message. */
  readonly texts: string[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly #socket: WebSocket;
  readonly #watchers = new Set<() => void>();

  constructor(url: string, options?: SocketOptions) {
    this.#socket = new WebSocket(url, options);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = ({ data }) => this.#take(String(data));
    this.#socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
      this.#wake();
    };
  }

  /** Resolves once the welcome has arrived. */
  static async open(url: string, options?: ConstructorParameters<typeof SocketUnderTest>[1]): Promise<SocketUnderTest> {
    const socket = new SocketUnderTest(url, options);
    await socket.until((it) => it.event === "welcome");
    return socket;
  }

  get welcome(): Frame {
    return this.frames.find((it) => it.event === "welcome") ?? {};
  }

  /** An object is sent as JSON. */
  send(frame: string | Uint8Array<ArrayBuffer> | Frame): void {
    this.#socket.send(typeof frame === "string" || frame instanceof Uint8Array ? frame : JSON.stringify(frame));
  }

  close(code = 1000): void {
    this.#socket.close(code);
  }

  /** Frames of type `message`. */
  get messages(): readonly Frame[] {
    return this.frames.filter((it) => it.type === "message");
  }

  /** Resolves with the first frame that matches. @throws Error with all frames if the socket closes, or on timeout */
  async until(isWanted: (frame: Frame) => boolean, timeoutMs = defaultTimeoutMs): Promise<Frame> {
    const found = () => this.frames.find(isWanted);
    await this.#wait(() => found() !== undefined, timeoutMs);
    return found() ?? {};
  }

  /** Resolves once this many messages have arrived. */
  async untilMessages(count: number, timeoutMs = defaultTimeoutMs): Promise<readonly Frame[]> {
    await this.#wait(() => this.messages.length >= count, timeoutMs);
    return this.messages;
  }

  async untilWelcomedOrClosed(timeoutMs = defaultTimeoutMs): Promise<void> {
    const isWelcomed = () => this.frames.some((it) => it.event === "welcome");
    await this.#wait(() => isWelcomed() || this.closed !== undefined, timeoutMs);
  }

  async untilClosed(timeoutMs = defaultTimeoutMs): Promise<{ readonly code: number; readonly reason: string }> {
    await this.#wait(() => this.closed !== undefined, timeoutMs);
    return this.closed ?? { code: 0, reason: "" };
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  #take(text: string): void {
    this.texts.push(text);
    const parsed: unknown = JSON.parse(text);
    this.frames.push(...((Array.isArray(parsed) ? parsed : [parsed]) as Frame[]));
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  async #wait(isDone: () => boolean, timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (!isDone()) {
      if (this.closed !== undefined)
        throw new Error(`closed with ${this.closed.code} ${this.closed.reason}; ${this.#seen()}`);
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw new Error(`the frame did not arrive in time; ${this.#seen()}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      const timer = setTimeout(resolve, leftMs);
      await promise;
      clearTimeout(timer);
      this.#watchers.delete(resolve);
    }
  }

  #seen(): string {
    return `frames so far:\n${this.texts.join("\n").slice(-4000)}`;
  }
}
