import {
  type ClientOptions,
  channelQuery,
  cursorOf,
  type FaultClient,
  type ReceivedFrame,
  reconnectDelayMs,
  recordFrame,
} from "./fault-client.ts";

/** A plain WebSocket that tracks its own cursor and resumes with it, as any script would. */
export class SocketClient implements FaultClient {
  welcomes = 0;
  isConnected = false;
  /** How the last connection that was open ended. The server may be gone before the client tries again. */
  closeCode: number | undefined;
  readonly #options: ClientOptions;
  readonly #protocols: string[];
  #socket: WebSocket | undefined;
  #resumeKey: string | undefined;
  #isStopped = false;

  /** @param protocols `fanfare.v1` gets several messages in one frame */
  constructor(options: ClientOptions, protocols: readonly string[]) {
    this.#options = options;
    this.#protocols = [...protocols];
  }

  get record() {
    return this.#options.record;
  }

  get channels() {
    return this.#options.channels;
  }

  start(): void {
    if (this.#isStopped) return;
    const { url, channels, record, resumes, random } = this.#options;
    const query = channelQuery(channels);
    const cursor = cursorOf(record, channels);
    if (cursor === "") query.set("since", "earliest");
    else if (resumes) query.set("since", cursor);
    // Other clients do not name the connection that they replace, so the old one may stay open next to the new one for a while.
    if (this.#resumeKey !== undefined && random() < 0.5) query.set("takes_over", this.#resumeKey);
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/ws?${query}`, this.#protocols);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(String(data));
    socket.onclose = ({ code }) => {
      if (this.isConnected) this.closeCode = code;
      this.isConnected = false;
      setTimeout(() => this.start(), reconnectDelayMs(random));
    };
  }

  retryNow(): void {
    // The waits are short.
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.terminate();
  }

  #receive(text: string): void {
    const parsed: unknown = JSON.parse(text);
    for (const frame of (Array.isArray(parsed) ? parsed : [parsed]) as ReceivedFrame[]) {
      if (frame.event === "welcome") {
        this.welcomes++;
        this.isConnected = true;
        this.#resumeKey = frame.resume_key;
      }
      recordFrame(frame, this.#options);
    }
  }
}
