import type { Driver } from "./driver.ts";
import { type Subscriber, SubscriberRecord } from "./subscriber.ts";

/** How long to wait after a close, like a careful script. Milliseconds. */
const retryMs = 50;

/** A plain WebSocket client that reconnects at once, with its position, or without it if it knows nothing of positions. */
export class SocketSubscriber implements Subscriber {
  readonly kind: "websocket" | "unaware";
  readonly record: SubscriberRecord;
  isConnected = false;
  readonly #driver: Driver;
  #socket: WebSocket | undefined;
  #isStopped = false;

  constructor(driver: Driver, name: string, { resumes }: { readonly resumes: boolean }) {
    this.kind = resumes ? "websocket" : "unaware";
    this.record = new SubscriberRecord(name);
    this.#driver = driver;
    this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.close();
  }

  #connect(): void {
    if (this.#isStopped) return;
    const last = this.kind === "websocket" ? this.record.last : undefined;
    const read = this.#driver.makeReader();
    const socket = new WebSocket(this.#driver.subscriberUrl("websocket", last));
    this.#socket = socket;
    socket.onopen = () => {
      this.isConnected = true;
      this.record.opened();
    };
    socket.onmessage = ({ data }) => {
      for (const received of read(String(data))) this.record.take(received);
    };
    socket.onclose = ({ code }) => {
      // A failed handshake does not count as a connection that ended.
      if (this.isConnected && !this.#isStopped) this.record.ended(code);
      this.isConnected = false;
      setTimeout(() => this.#connect(), retryMs);
    };
  }
}
