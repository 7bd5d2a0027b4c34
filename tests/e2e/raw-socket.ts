import type { Socket } from "bun";
import { Watch } from "./watch.ts";

/** A TCP connection that sends and reads exactly what a test wants, and nothing by itself. */
export class RawSocket implements Disposable {
  /** Everything received, as Latin-1. Stays empty if `onData` is set. */
  received = "";
  bytesReceived = 0;
  isEnded = false;
  onData: ((chunk: Buffer) => void) | undefined;
  readonly #watch = new Watch();
  #socket: Socket<undefined> | undefined;
  #unsent = Buffer.alloc(0);

  /** @throws if nothing listens there */
  static async connect(port: number): Promise<RawSocket> {
    const raw = new RawSocket();
    raw.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, chunk) => raw.#take(chunk),
        drain: () => raw.#flush(),
        close: () => raw.#end(),
        error: () => raw.#end(),
      },
    });
    return raw;
  }

  write(data: string | Uint8Array): void {
    this.#unsent = Buffer.concat([this.#unsent, typeof data === "string" ? Buffer.from(data) : data]);
    this.#flush();
  }

  /** Resolves once everything is handed to the kernel, or the connection has ended. */
  untilWritten(): Promise<void> {
    return this.until(() => this.#unsent.length === 0 || this.isEnded);
  }

  /** Stops reading: what the other side sends stays in the kernel's buffers. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  async untilReceived(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray> {
    await this.until(() => pattern.test(this.received), timeoutMs);
    const match = pattern.exec(this.received);
    if (match === null) throw new Error(`${pattern} no longer matches`);
    return match;
  }

  untilEnded(timeoutMs?: number): Promise<void> {
    return this.until(() => this.isEnded, timeoutMs);
  }

  /** Checked whenever something arrives. */
  until(isDone: () => boolean, timeoutMs?: number): Promise<void> {
    const describe = () => `${this.isEnded ? "it ended; " : ""}received so far:\n${this.received.slice(-2000)}`;
    return this.#watch.until(isDone, describe, timeoutMs);
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
  }

  #take(chunk: Buffer): void {
    this.bytesReceived += chunk.length;
    if (this.onData === undefined) this.received += chunk.toString("latin1");
    else this.onData(chunk);
    this.#watch.wake();
  }

  #flush(): void {
    if (this.#unsent.length === 0 || this.isEnded) return;
    const written = this.#socket?.write(this.#unsent) ?? 0;
    this.#unsent = this.#unsent.subarray(Math.max(0, written));
    if (this.#unsent.length === 0) this.#watch.wake();
  }

  #end(): void {
    this.isEnded = true;
    this.#watch.wake();
  }
}
