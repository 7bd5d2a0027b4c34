import { channel } from "./fanfare-wire.ts";

/** How long an attempt may take, milliseconds. */
const attemptMs = 5000;

/** One attempt over HTTP. @throws Error if it must be sent again */
export async function publishOverHttp(url: string, { id, text }: { readonly id: string; readonly text: string }) {
  const answer = await fetch(`${url}/v1/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ channel, data: text, id }),
    signal: AbortSignal.timeout(attemptMs),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Publishes over a WebSocket, which is opened again when it has ended. */
export class SocketPublisher {
  readonly #url: string;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Promise<WebSocket> | undefined;
  #isClosed = false;
  #last = 0;

  private constructor(url: string) {
    this.#url = `${url.replace(/^http/, "ws")}/ws`;
  }

  /** @param url such as `http://127.0.0.1:8000` */
  static async open(url: string): Promise<SocketPublisher> {
    const publisher = new SocketPublisher(url);
    await publisher.#open();
    return publisher;
  }

  /** One attempt. @throws Error if it must be sent again */
  async publish({ id, text }: { readonly id: string; readonly text: string }): Promise<void> {
    const socket = await this.#open();
    const ref = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.set(ref, { resolve, reject });
    const timer = setTimeout(() => reject(new Error("no acknowledgement in time")), attemptMs);
    socket.send(JSON.stringify({ type: "publish", channel, data: text, id, ref }));
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(ref);
    }
  }

  close(): void {
    this.#isClosed = true;
    void this.#socket?.then(
      (socket) => socket.close(),
      () => undefined,
    );
  }

  /** All publishers share one socket. */
  #open(): Promise<WebSocket> {
    if (this.#isClosed) return Promise.reject(new Error("closed"));
    this.#socket ??= this.#connect();
    return this.#socket;
  }

  #connect(): Promise<WebSocket> {
    const socket = new WebSocket(this.#url);
    const opened = Promise.withResolvers<WebSocket>();
    socket.onopen = () => opened.resolve(socket);
    socket.onmessage = ({ data }) => this.#receive(String(data));
    socket.onclose = ({ code }) => {
      const error = new Error(`the connection ended with ${code}`);
      opened.reject(error);
      this.#socket = undefined;
      for (const { reject } of this.#waiting.values()) reject(error);
    };
    return opened.promise;
  }

  #receive(text: string): void {
    const { type, ref = 0, code } = JSON.parse(text) as { type: string; ref?: number; code?: string };
    if (type === "ack") this.#waiting.get(ref)?.resolve();
    else if (type === "error") this.#waiting.get(ref)?.reject(new Error(code));
  }
}
