import type { Frame } from "./socket.ts";
import { Watch } from "./watch.ts";

/** One block of an event stream. */
export interface Block {
  readonly event?: string;
  readonly data?: string;
  readonly id?: string;
  readonly retry?: string;
}

/** A plain reader of Server-Sent Events that records what it receives. A test can wait for a frame. */
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

  /** Resolves once the response headers have arrived, whatever the status is. */
  static async connect(url: string, headers: Record<string, string> = {}): Promise<StreamUnderTest> {
    const abort = new AbortController();
    const response = await fetch(url, { headers: { Accept: "text/event-stream", ...headers }, signal: abort.signal });
    return new StreamUnderTest(response, abort);
  }

  /** Resolves once the welcome has arrived. */
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

  /** The value that a browser would send as `Last-Event-ID`. */
  get lastEventId(): string {
    return this.blocks.findLast(({ id }) => id !== undefined)?.id ?? "";
  }

  /** Resolves with the first frame that matches. */
  async until(isWanted: (frame: Frame) => boolean, timeoutMs?: number): Promise<Frame> {
    await this.#wait(() => this.frames.some(isWanted), timeoutMs);
    return this.frames.find(isWanted) ?? {};
  }

  async untilMessages(count: number, timeoutMs?: number): Promise<readonly Frame[]> {
    await this.#wait(() => this.messages.length >= count, timeoutMs);
    return this.messages;
  }

  /** Resolves with the first block that matches. */
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
      // Aborted by the test, or cut. The stream has ended in both cases.
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
