import { type Frame, SocketUnderTest } from "../../e2e/socket.ts";
import { StreamUnderTest } from "../../e2e/stream.ts";

/** One rule of the protocol and its check: `holds` throws if the server breaks the rule. */
export interface WireRule {
  readonly name: string;
  holds(server: WireServer): Promise<void>;
}

export function rule(name: string, holds: WireRule["holds"]): WireRule {
  return { name, holds };
}

/** How long a rule may wait for an answer. */
const answerMs = 10_000;

/**
 * A server at an address, with what rules need to check it. It may have other clients, so rules use unique names, and ignore
 * messages of others in `all`. Disposing it closes all its connections.
 */
export class WireServer implements Disposable {
  /** Such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly #open: Disposable[] = [];
  readonly #apiKey: string | undefined;
  #names = 0;

  /** @param address `ws://host:port` or `http://host:port` */
  constructor(address: string, apiKey?: string) {
    this.url = address.replace(/^ws/, "http").replace(/\/$/, "");
    this.#apiKey = apiKey;
  }

  get wsUrl(): string {
    return this.url.replace(/^http/, "ws");
  }

  /** A unique name. */
  fresh(kind: "room" | "user" | "id"): string {
    return `${kind}-${crypto.randomUUID()}-${this.#names++}`;
  }

  /** A socket that has received its welcome. @param query such as `channel=a&since=earliest` */
  async open(query = "", options?: ConstructorParameters<typeof SocketUnderTest>[1]): Promise<SocketUnderTest> {
    const socket = this.handshake(`/ws?${query}`, options);
    await socket.until((it) => it.event === "welcome");
    return socket;
  }

  /** A socket that may still be refused. */
  handshake(path: string, options?: ConstructorParameters<typeof SocketUnderTest>[1]): SocketUnderTest {
    const socket = new SocketUnderTest(this.wsUrl + path, options);
    this.#open.push(socket);
    return socket;
  }

  /** A stream that has received its welcome. */
  async stream(query = "", headers: Record<string, string> = {}): Promise<StreamUnderTest> {
    const stream = await StreamUnderTest.open(`${this.url}/sse?${query}`, headers);
    this.#open.push(stream);
    return stream;
  }

  request(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#apiKey !== undefined) headers.set("Authorization", `Bearer ${this.#apiKey}`);
    return fetch(this.url + path, { ...init, method, headers, signal: AbortSignal.timeout(answerMs) });
  }

  /** @throws Error if the status is not 200 */
  async post(path: string, body: unknown): Promise<Frame> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const headers = { "Content-Type": "application/json" };
    const response = await this.request("POST", path, { body: text, headers });
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Frame;
  }

  publish(draft: Frame): Promise<Frame> {
    return this.post("/v1/publish", draft);
  }

  [Symbol.dispose](): void {
    for (const it of this.#open.splice(0)) it[Symbol.dispose]();
  }
}

/** The answer to one command. */
export function ask(socket: SocketUnderTest, command: Frame): Promise<Frame> {
  const ref = crypto.randomUUID();
  socket.send({ ...command, ref });
  return socket.until((it) => it.ref === ref);
}

/** The messages of one channel that a client has received. */
export function inChannel(client: { readonly messages: readonly Frame[] }, channel: string): readonly Frame[] {
  return client.messages.filter((it) => it.channel === channel);
}

/** Resolves with the first `count` messages of a channel. */
export async function untilInChannel(client: SocketUnderTest | StreamUnderTest, channel: string, count: number) {
  await client.until(() => inChannel(client, channel).length >= count);
  return inChannel(client, channel);
}

/** The welcome's entry for one channel. */
export function joinedIn(client: { readonly welcome: Frame }, channel: string): Frame {
  const { channels } = client.welcome;
  return (channels as Record<string, Frame> | undefined)?.[channel] ?? {};
}

/** `channel~epoch~offset` */
export function cursorOf(channel: string, epoch: unknown, offset: unknown): string {
  return `${encodeURIComponent(channel)}~${epoch}~${offset}`;
}
