import { isDots, plainChannelPattern } from "../protocol/channel-name.ts";
import type { ClientCommand, decodeServerFrames, IncomingFrame } from "../protocol/client-codec.ts";
import { isRetryable } from "../protocol/errors.ts";
import type { Ref } from "../protocol/frames.ts";
import type { CloseInfo } from "./close-info.ts";
import type { cursorPart } from "./cursor.ts";
import type { Socket, SocketEvents, Target, Transport } from "./transport.ts";

/**
 * Receives over an event stream and sends with HTTP requests.
 *
 * The stream is read with fetch, not with EventSource: an EventSource exposes neither status nor reason, stops on any status
 * but 200, cannot send the token in a header, and is missing in Node and Bun.
 *
 * @param decode,writeCursor passed in, because this file must not import what the core contains: see environment.ts
 */
export const makeSse =
  (decode: typeof decodeServerFrames, writeCursor: typeof cursorPart): Transport =>
  (target, events) =>
    new SseSocket(target, events, decode, writeCursor);

/** Bytes of an epoch and an offset in a cursor, with separators: at least what the server counts. */
const positionBytes = 35;
/** A stream resumes by its cursor, which the server limits to 4096 bytes. The rest is for `all` and the user's own channel. */
const maxNameBytes = 3600;

class SseSocket implements Socket {
  readonly #target: Target;
  /** The query of the target, without what the server would refuse. */
  readonly #query: URLSearchParams;
  readonly #events: SocketEvents;
  readonly #abort = new AbortController();
  readonly #decode: typeof decodeServerFrames;
  readonly #writeCursor: typeof cursorPart;
  readonly #headers: Record<string, string>;
  #connectionId: string | undefined;
  #userId: string | undefined;
  /** The channels in the welcome. */
  #joined: readonly string[] = [];
  /** The refs of refused subscriptions, by channel. */
  readonly #refs = new Map<string, Ref | undefined>();
  /** Requests run one after the other: commands of one connection take effect in order. */
  #requests = Promise.resolve();

  constructor(target: Target, events: SocketEvents, decode: typeof decodeServerFrames, writeCursor: typeof cursorPart) {
    this.#target = target;
    this.#query = acceptable(target.query);
    this.#events = events;
    this.#decode = decode;
    this.#writeCursor = writeCursor;
    this.#headers = target.token ? { Authorization: `Bearer ${target.token}` } : {};
    void this.#read().then((closeInfo) => events.onEnd(closeInfo));
  }

  send(command: ClientCommand, ref?: Ref): void {
    if (command.type === "subscribe") this.#subscribe(command.channel, ref);
    if (command.type === "unsubscribe") this.#events.onOutgrown();
    const request = this.#requestFor(command);
    if (request === undefined) return;
    this.#requests = this.#requests.then(async () => {
      const answer = await inTime(this.#ask(...request));
      if (answer) this.#events.onFrames([{ ...answer, ref } as IncomingFrame]);
    });
  }

  close(): void {
    this.#abort.abort();
  }

  /**
   * Another channel needs a new stream, unless that would be refused again and again: a channel that this stream asked for and did
   * not get, the personal channel of another user, and what a stream cannot have.
   */
  #subscribe(channel: string, ref: Ref | undefined): void {
    const asked = (query: URLSearchParams) => query.getAll("channel").includes(channel);
    if (this.#joined.includes(channel)) this.#events.onOutgrown();
    else if (asked(this.#query))
      this.#refs.set(channel, ref); // the error follows the welcome
    else if (typeof channel !== "string" || channel[0] === "@" || asked(this.#target.query)) {
      const error = { type: "error", code: "forbidden", message: `not in a stream: ${channel}` } as const;
      queueMicrotask(() => this.#events.onFrames([{ ...error, ref } as IncomingFrame]));
    } else this.#events.onOutgrown();
  }

  async #read(): Promise<CloseInfo> {
    try {
      const response = await this.#fetch(`sse?${this.#query}`, { cache: "no-store" });
      const isStream = response.status === 200 && response.body;
      return isStream ? await this.#readStream(isStream) : closeInfoOf(response, await problemOf(response));
    } catch (error) {
      return { code: 1006, reason: why(error) };
    }
  }

  /** Each `data:` is one line and positions are tracked by offset, so only `data:` and `retry:` matter. */
  async #readStream(body: ReadableStream<Uint8Array>): Promise<CloseInfo> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    let retryAfterMs: number | undefined;
    let closing: CloseInfo | undefined;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      const frames: IncomingFrame[] = [];
      for (const line of lines) {
        if (line.startsWith("data:")) frames.push(...this.#decode(line.slice(5)));
        if (line.startsWith("retry:")) retryAfterMs = Number(line.slice(6)) || 0;
      }
      const last = frames.at(-1);
      if (last?.type === "system" && last.event === "closing") {
        closing = { code: last.code, reason: last.reason, retryAfterMs: last.reconnect_after_ms };
        frames.pop();
      }
      // If there are frames, `retry:` is meant for an EventSource, and the SDK uses its own backoff. Without frames, a proxy answered.
      if (frames.length > 0) retryAfterMs = undefined;
      this.#handleFrames(frames);
    }
    // Without a `closing` event, something on the way ended or cut the stream.
    return closing ?? { code: 1001, reason: "the stream ended", retryAfterMs };
  }

  #handleFrames(frames: readonly IncomingFrame[]): void {
    const [first] = frames;
    if (first?.type === "system" && first.event === "welcome") {
      this.#connectionId = first.connection_id;
      this.#userId = first.user_id;
      this.#joined = Object.keys(first.channels ?? {});
      this.#events.onFrames([first]);
      this.#handleFrames(frames.slice(1));
    } else {
      // An error with a channel answers the subscription to it.
      const refOf = (it: IncomingFrame) =>
        it.type === "error" && it.channel ? { ref: this.#refs.get(it.channel) } : {};
      this.#events.onFrames(frames.map((it) => ({ ...it, ...refOf(it) }) as IncomingFrame));
    }
  }

  /** Answer type, path and body of the request for a command; undefined for commands that need no request. */
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
    const from = typeof since === "string" ? since : this.#writeCursor(channel, since);
    return ["history", `${pathOf(channel)}history?limit=${limit}&since=${encodeURIComponent(from)}`];
  }

  async #ask(type: string, path: string, body?: unknown): Promise<object> {
    try {
      const response = await this.#fetch(path, body ? { method: "POST", body: JSON.stringify(body) } : {});
      if (response.ok) return { ...((await response.json()) as object), type };
      const problem = await problemOf(response);
      const { code, reason } = closeInfoOf(response, problem);
      // The status of a proxy only says whether to retry.
      const guess = code < 4500 ? "broker-unavailable" : "bad-request";
      const refused = { code: guess, message: reason, ...problem, type: "error" };
      return isRetryable(refused.code) ? { retry_after_ms: 0, ...refused } : refused;
    } catch (error) {
      // It may have arrived. The client retries with the same id.
      return { type: "error", code: "broker-unavailable", message: why(error), retry_after_ms: 0 };
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

/** The query without the channels that a stream cannot have: one bad name would refuse it for all of them. */
function acceptable(given: URLSearchParams): URLSearchParams {
  const query = new URLSearchParams(given);
  let bytes = 0;
  query.delete("channel");
  for (const name of given.getAll("channel")) {
    const part = `${encodeURIComponent(name)}~`;
    if (canBeInStream(name) && bytes + part.length <= maxNameBytes) {
      bytes += part.length + positionBytes;
      query.append("channel", name);
    } else {
      const since = query.get("since")?.split(",");
      if (since) query.set("since", since.filter((it) => !it.startsWith(part)).join());
    }
  }
  return query;
}

/** The server refuses a request with any other name, whatever the others are. A user's own channel is always in a stream. */
function canBeInStream(name: string): boolean {
  return plainChannelPattern.test(name) && name[0] !== "@" && !isDots(name);
}

/** Undefined after 25 seconds: the requests behind it must not wait longer than a command waits for its answer. */
function inTime(answer: Promise<object>): Promise<object | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 25_000);
    void answer.then((it) => {
      clearTimeout(timer);
      resolve(it);
    });
  });
}

/** The parts of an error response that are used. */
interface Problem {
  readonly code?: string;
  readonly detail?: string;
}

/** In Node only the cause says more than "fetch failed", such as `connect ECONNREFUSED 127.0.0.1:8000`. */
function why(error: unknown): string {
  return `${(error as Error).cause ?? error}`;
}

function pathOf(channel: string): string {
  return `v1/channels/${encodeURIComponent(channel)}/`;
}

/** Why a request was refused. Empty if the response is not from our server. */
async function problemOf(response: Response): Promise<Problem> {
  return (await response.json().catch(() => null)) ?? {};
}

/** The close code that a WebSocket would have received. */
function closeInfoOf({ status, headers }: Response, { code, detail }: Problem): CloseInfo {
  const codes: Record<number, number> = { 204: 4504, 401: 4500, 403: 4500, 408: 4053, 409: 4501, 429: 4029 };
  return {
    code: code === "token-expired" ? 4010 : (codes[status] ?? (status < 500 ? 4503 : 4053)),
    reason: detail ?? `HTTP ${status}`,
    // A date instead of seconds becomes NaN, which is ignored.
    retryAfterMs: Number(headers.get("Retry-After")) * 1000,
  };
}
