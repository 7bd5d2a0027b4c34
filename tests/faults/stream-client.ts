import { RawEventStream } from "../e2e/raw-event-stream.ts";
import {
  type ClientOptions,
  channelQuery,
  type FaultClient,
  type ReceivedFrame,
  reconnectDelayMs,
  recordFrame,
} from "./fault-client.ts";

/**
 * An event stream that resumes by `Last-Event-ID` and knows nothing else, as an EventSource does.
 *
 * When the connection breaks, messages after the last `id:` are discarded, because the server sends them again. (A program
 * that wants each message once compares offsets.) With messages held back until their `id:` arrives, each must arrive exactly once.
 */
export class StreamClient implements FaultClient {
  welcomes = 0;
  isConnected = false;
  readonly #options: ClientOptions;
  #stream: RawEventStream | undefined;
  #lastEventId = "";
  #held: ReceivedFrame[] = [];
  #isStopped = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get record() {
    return this.#options.record;
  }

  get channels() {
    return this.#options.channels;
  }

  start(): void {
    void this.#run();
  }

  retryNow(): void {
    // The waits are short.
  }

  stop(): void {
    this.#isStopped = true;
    this.#stream?.[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#read();
      } catch {
        // Refused, or cut before the response began. It retries.
      }
      this.isConnected = false;
      this.#held = [];
      await Bun.sleep(reconnectDelayMs(this.#options.random));
    }
  }

  /** Runs one connection until it ends. */
  async #read(): Promise<void> {
    const { url, channels, resumes } = this.#options;
    const query = channelQuery(channels);
    if (this.#lastEventId === "") query.set("since", "earliest");
    const header = resumes && this.#lastEventId !== "" ? `Last-Event-ID: ${this.#lastEventId}\r\n` : "";
    const port = Number(new URL(url).port);
    using stream = await RawEventStream.open(port, `/sse?${query}`, header, (it) => {
      this.#stream = it;
      it.onText = (payload) => this.#held.push(JSON.parse(payload.toString()) as ReceivedFrame);
      it.onId = (id) => this.#commit(id);
    });
    await stream.socket.until(() => stream.socket.isEnded, 3_600_000);
  }

  #commit(id: string): void {
    this.#lastEventId = id;
    for (const frame of this.#held.splice(0)) {
      if (frame.event === "welcome") {
        this.welcomes++;
        this.isConnected = true;
      }
      recordFrame(frame, this.#options);
    }
  }
}
