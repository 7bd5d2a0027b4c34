import type { Frame } from "./socket.ts";
import { Watch } from "./watch.ts";

/** One block of an event stream, as it came. */
export interface Block {
  readonly event?: string;
  readonly data?: string;
  readonly id?: string;
  readonly retry?: string;
}

/** A plain reader of Server-Sent Events: keeps what came, and lets a test wait for what it wants to see. */
export class StreamUnderTest implements Disposable {
  readonly blocks: Block[] = [];
  readonly response: Response;
  isEnded = false;
  readonly #abort: AbortController;
  readonly #watch = new Watch();
  #text = "";

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    void this.#read();
  }

  /** Resolves once the headers are there, whatever they say. */
  static async connect(url: string, headers: Record<string, string> = {}): Promise<StreamUnderTest> {
    const abort = new AbortController();
    const response = await fetch(url, { headers: { Accept: "text/event-stream", ...headers }, signal: abort.signal });
    return new StreamUnderTest(response, abort);
  }

  /** Resolves once the welcome is there. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<StreamUnderTest> {
    const stream = await StreamUnderTest.connect(url, headers);
    await stream.until((it) => it.event === "welcome");
    return stream;
  }

  get frames(): readonly Frame[] {
    return this.blocks.flatMap(({ data }) => (data === undefined ? [] : [JSON.parse(data) as Frame]));
  }

  get messages(): readonly Frame[] {
    return this.frames.filter((it) => it.type === "message");
  }

  get welcome(): Frame {
    return this.frames.find((it) => it.event === "welcome") ?? {};
  }

  /** What a browser would send as `Last-Event-ID`. */
  get lastEventId(): string {
    return this.blocks.findLast(({ id }) => id !== undefined)?.id ?? "";
  }

  /** The first frame that is like this, now or later. */
  async until(isWanted: (frame: Frame) => boolean, timeoutMs?: number): Promise<Frame> {
    await this.#wait(() => this.frames.some(isWanted), timeoutMs);
    return this.frames.find(isWanted) ?? {};
  }

  async untilMessages(count: number, timeoutMs?: number): Promise<readonly Frame[]> {
    await this.#wait(() => this.messages.length >= count, timeoutMs);
    return this.messages;
  }

  /** The first block that is like this, now or later. */
  async untilBlock(isWanted: (block: Block) => boolean, timeoutMs?: number): Promise<Block> {
    await this.#wait(() => this.blocks.some(isWanted), timeoutMs);
    return this.blocks.find(isWanted) ?? {};
  }

  untilEnded(timeoutMs?: number): Promise<void> {
    return this.#wait(() => this.isEnded, timeoutMs);
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body ?? []) this.#take(decoder.decode(chunk, { stream: true }));
    } catch {
      // Aborted by the test, or cut: both are an end.
    }
    this.isEnded = true;
    this.#watch.wake();
  }

  #take(text: string): void {
    const parts = (this.#text + text).split("\n\n");
    this.#text = parts.pop() ?? "";
    for (const part of parts) this.blocks.push(parseBlock(part));
    this.#watch.wake();
  }

  #wait(isDone: () => boolean, timeoutMs?: number): Promise<void> {
    return this.#watch.until(isDone, () => `blocks so far:\n${JSON.stringify(this.blocks).slice(-4000)}`, timeoutMs);
  }
}

function parseBlock(text: string): Block {
  const fields = text.split("\n").flatMap((line) => {
    const [, name = "", value = ""] = /^([a-z]+): (.*)$/.exec(line) ?? [];
    return name === "" ? [] : [[name, value]];
  });
  return Object.fromEntries(fields);
}
