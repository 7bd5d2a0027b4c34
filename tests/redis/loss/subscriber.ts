import type { Received } from "./verdict.ts";

interface Frame {
  readonly type: string;
  readonly event?: string;
  readonly channel?: string;
  readonly epoch?: string;
  readonly offset?: number;
  readonly from?: number;
  readonly to?: number;
  readonly message?: string;
  readonly recovered?: boolean;
  readonly channels?: Readonly<Record<string, { epoch: string; from: number; recovered?: boolean }>>;
}

/** A plain WebSocket client that records its frames, and resumes with a cursor when the server closes the connection. */
export class Subscriber {
  readonly received = new Map<string, Received[]>();
  /** How many connections ended although the test did not close them. */
  closes = 0;
  /** Unexpected frames, such as notices of a drain. */
  notices = 0;
  longestSilenceMs = 0;
  #lastAt = performance.now();
  readonly #places = new Map<string, { epoch: string; offset: number }>();
  readonly #url: string;
  readonly #channels: readonly string[];
  #socket: WebSocket | undefined;
  #isStopped = false;
  readonly #welcomed = Promise.withResolvers<void>();

  constructor(url: string, channels: readonly string[]) {
    this.#url = url;
    this.#channels = channels;
    for (const channel of channels) this.received.set(channel, []);
  }

  start(): Promise<void> {
    this.#connect();
    return this.#welcomed.promise;
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.terminate();
  }

  /** Whether it has received this text. */
  has(channel: string, text: string): boolean {
    return this.received.get(channel)?.findLast((it) => it.kind === "message" && it.text === text) !== undefined;
  }

  #connect(): void {
    if (this.#isStopped) return;
    const query = new URLSearchParams(this.#channels.map((it): [string, string] => ["channel", it]));
    const cursor = Array.from(
      this.#places,
      ([channel, { epoch, offset }]) => `${encodeURIComponent(channel)}~${epoch}~${offset}`,
    );
    if (cursor.length > 0) query.set("since", cursor.join(","));
    const socket = new WebSocket(`${this.#url}?${query}`);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Frame);
    socket.onclose = () => {
      if (this.#isStopped) return;
      this.closes++;
      setTimeout(() => this.#connect(), 100);
    };
  }

  #take(frame: Frame): void {
    if (frame.event === "welcome") {
      for (const channel of this.#channels) this.#joined(channel, frame.channels?.[channel]);
      this.#welcomed.resolve();
    } else if (frame.event === "gap") this.#gap(frame);
    else if (frame.type === "message") this.#message(frame);
    else this.notices++;
  }

  #joined(channel: string, joined: { epoch: string; from: number; recovered?: boolean } | undefined): void {
    if (joined === undefined) return;
    const { epoch, from, recovered } = joined;
    if (recovered === false) this.received.get(channel)?.push({ kind: "gap", epoch, from: 1, to: from - 1 });
    if (recovered !== true) this.#places.set(channel, { epoch, offset: from - 1 });
  }

  #gap({ channel = "", epoch = "", from = 0, to = 0 }: Frame): void {
    this.#places.set(channel, { epoch, offset: to });
    this.received.get(channel)?.push({ kind: "gap", epoch, from, to });
  }

  #message({ channel = "", offset = 0, message = "" }: Frame): void {
    const now = performance.now();
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.#lastAt);
    this.#lastAt = now;
    const epoch = this.#places.get(channel)?.epoch ?? "";
    this.#places.set(channel, { epoch, offset });
    this.received.get(channel)?.push({ kind: "message", epoch, offset, text: message });
  }
}
