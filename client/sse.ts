import { type ClientCommand, decodeServerFrames, type IncomingFrame } from "../protocol/client-codec.ts";
import type { Ref } from "../protocol/frames.ts";
import { askedWait } from "./backoff.ts";
import { cursorPart } from "./cursor.ts";
import type { Goodbye } from "./goodbye.ts";
import type { Socket, SocketEvents, Target, Transport } from "./transport.ts";

/**
 * An event stream for what comes, HTTP requests for what is said.
 *
 * The stream is read with fetch, not with EventSource: an EventSource shows neither status nor reason, ends for good at any
 * answer but 200, takes no header for the token, and Node and Bun have none.
 */
export const openSse: Transport = (target, events) => new SseSocket(target, events);

class SseSocket implements Socket {
  readonly #target: Target;
  readonly #events: SocketEvents;
  readonly #abort = new AbortController();
  readonly #headers: Record<string, string>;
  #connectionId: string | undefined;
  #userId: string | undefined;
  /** The channels of the welcome. */
  #joined: readonly string[] = [];
  /** Of subscriptions that were refused, by channel. */
  readonly #refs = new Map<string, Ref | undefined>();
  /** Requests go one after the other: commands of one connection take effect in order. */
  #requests = Promise.resolve();

  constructor(target: Target, events: SocketEvents) {
    this.#target = target;
    this.#events = events;
    this.#headers = target.token ? { Authorization: `Bearer ${target.token}` } : {};
    void this.#read().then((goodbye) => events.onEnd(goodbye));
  }

  send(command: ClientCommand, ref?: Ref): void {
    if (command.type === "subscribe") this.#subscribe(command.channel, ref);
    if (command.type === "unsubscribe") this.#events.onOutgrown();
    const request = this.#requestFor(command);
    if (request === undefined) return;
    this.#requests = this.#requests.then(async () => {
      const answer = await this.#ask(...request);
      this.#events.onFrames(decodeServerFrames(JSON.stringify({ ...answer, ref })));
    });
  }

  close(): void {
    this.#abort.abort();
  }

  /**
   * A further channel takes a new stream. But one that this stream asked for and is not in was refused, and so is another
   * user's own: new streams would be refused them again, without an end.
   */
  #subscribe(channel: string, ref: Ref | undefined): void {
    if (this.#target.query.getAll("channel").includes(channel) && !this.#joined.includes(channel)) {
      this.#refs.set(channel, ref); // the error follows the welcome
    } else if (channel[0] === "@" && !this.#joined.includes(channel)) {
      const error = { type: "error", code: "forbidden", message: channel } as const;
      queueMicrotask(() => this.#events.onFrames([{ ...error, ref } as IncomingFrame]));
    } else this.#events.onOutgrown();
  }

  async #read(): Promise<Goodbye> {
    try {
      const response = await this.#fetch(`sse?${this.#target.query}`, { cache: "no-store" });
      const isStream = response.status === 200 && response.body;
      return isStream ? await this.#readStream(isStream) : goodbye(response, await problemOf(response));
    } catch (error) {
      return { code: 1006, reason: `${error}` };
    }
  }

  /** Every `data:` of ours is one line, and the cursor is kept by offsets: of all fields two are of interest here. */
  async #readStream(body: ReadableStream<Uint8Array>): Promise<Goodbye> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    let retryAfterMs: number | undefined;
    let closing: Goodbye | undefined;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      const frames: IncomingFrame[] = [];
      for (const line of lines) {
        if (line.startsWith("data:")) frames.push(...decodeServerFrames(line.slice(5)));
        if (line.startsWith("retry:")) retryAfterMs = Number(line.slice(6)) || 0;
      }
      const last = frames.at(-1);
      if (last?.type === "system" && last.event === "closing") {
        closing = { code: last.code, reason: last.reason, retryAfterMs: last.reconnect_after_ms };
        frames.pop();
      }
      // Once there are frames it is meant for an EventSource, and the SDK has its own backoff. Without any, a proxy answered.
      if (frames.length > 0) retryAfterMs = undefined;
      this.#hear(frames);
    }
    // Without the last event something on the way ended the stream, or cut it.
    return closing ?? { code: 1001, reason: "the stream ended", retryAfterMs };
  }

  #hear(frames: readonly IncomingFrame[]): void {
    const [first] = frames;
    if (first?.type === "system" && first.event === "welcome") {
      this.#connectionId = first.connection_id;
      this.#userId = first.user_id;
      this.#joined = Object.keys(first.channels ?? {});
      this.#events.onFrames([first]);
      this.#hear(frames.slice(1));
    } else {
      // An error that names a channel answers its subscription.
      const refOf = (it: IncomingFrame) =>
        it.type === "error" && it.channel ? { ref: this.#refs.get(it.channel) } : {};
      this.#events.onFrames(frames.map((it) => ({ ...it, ...refOf(it) }) as IncomingFrame));
    }
  }

  /** Type of the answer, path, and body of a request; undefined for commands that need none. */
  #requestFor(command: ClientCommand): [string, string, unknown?] | undefined {
    if (command.type === "publish") {
      const { type: _, echo, ...fields } = command;
      const excluded = echo === false && { exclude_connection_id: this.#connectionId };
      return ["ack", "v1/publish", { sender: this.#userId, ...fields, ...excluded }];
    }
    if (command.type === "message") {
      const { message, sender = this.#userId } = command;
      return ["ack", "v1/publish", { channel: "all", message, sender }];
    }
    if (command.type === "presence") {
      const page = command.page ? `?page=${encodeURIComponent(command.page)}` : "";
      return ["presence", `${pathOf(command.channel)}presence${page}`];
    }
    if (command.type !== "history") return undefined;
    const { channel, since = "", limit = 100 } = command;
    const from = typeof since === "string" ? since : cursorPart(channel, since);
    return ["history", `${pathOf(channel)}history?limit=${limit}&since=${encodeURIComponent(from)}`];
  }

  async #ask(type: string, path: string, body?: unknown): Promise<object> {
    try {
      const response = await this.#fetch(path, body ? { method: "POST", body: JSON.stringify(body) } : {});
      if (response.ok) return { ...((await response.json()) as object), type };
      const problem = await problemOf(response);
      const { code, reason } = goodbye(response, problem);
      // A proxy says with its status only whether to ask once more.
      const guess = code < 4500 ? "broker-unavailable" : "bad-request";
      return { code: guess, message: reason, ...problem, type: "error" };
    } catch (error) {
      // Whether it arrived is not known; the code asks for the same once more, with the same id.
      return { type: "error", code: "broker-unavailable", message: `${error}` };
    }
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    const { url } = this.#target;
    const address = new URL(path, url);
    address.protocol = url.protocol.replace("ws", "http");
    return fetch(address, {
      ...init,
      headers: init.body ? { ...this.#headers, "Content-Type": "application/json" } : this.#headers,
      signal: this.#abort.signal,
    });
  }
}

/** What is read of a refusal. */
interface Problem {
  readonly code?: string;
  readonly detail?: string;
}

function pathOf(channel: string): string {
  return `v1/channels/${encodeURIComponent(channel)}/`;
}

/** Why a request was refused; nothing of it where the answer is not our server's. */
async function problemOf(response: Response): Promise<Problem> {
  return (await response.json().catch(() => null)) ?? {};
}

/** The close code that a WebSocket would have been given. */
function goodbye({ status, headers }: Response, { code, detail }: Problem): Goodbye {
  const codes: Record<number, number> = { 204: 4504, 401: 4500, 403: 4500, 408: 4053, 409: 4501, 429: 4029 };
  return {
    code: code === "token-expired" ? 4010 : (codes[status] ?? (status < 500 ? 4503 : 4053)),
    reason: detail ?? `HTTP ${status}`,
    // A date instead of seconds counts as none.
    retryAfterMs: askedWait(Number(headers.get("Retry-After")) * 1000),
  };
}
