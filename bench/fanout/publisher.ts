import type { Socket } from "bun";
import type { Driver, PublishRequest } from "../drivers/driver.ts";
import { nowUs, stampedText } from "./stamp.ts";

/** The maximum number of requests in flight, enough to keep a busy server busy. */
const parallelRequests = 32;
const headEnd = "\r\n\r\n";

/** One keep-alive connection with at most one request in flight. */
class Line {
  readonly #socket: Promise<Socket<Line>>;
  readonly #onAnswer: (line: Line, refusal: string | undefined) => void;
  #answer = "";

  constructor(port: number, onAnswer: (line: Line, refusal: string | undefined) => void) {
    this.#onAnswer = onAnswer;
    this.#socket = Bun.connect<Line>({
      hostname: "127.0.0.1",
      port,
      data: this,
      socket: {
        data: (_, piece) => this.#onData(piece.toString("latin1")),
        close: () => this.#onAnswer(this, "the server closed a publisher's connection"),
      },
    });
  }

  async open(): Promise<void> {
    await this.#socket;
  }

  async post({ path, body }: PublishRequest): Promise<void> {
    const socket = await this.#socket;
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: ${body.length}${headEnd}${body}`);
  }

  #onData(piece: string): void {
    this.#answer += piece;
    const end = this.#answer.indexOf(headEnd);
    if (end === -1) return;
    const length = Number(/content-length: *([0-9]+)/i.exec(this.#answer)?.[1] ?? 0);
    if (this.#answer.length < end + headEnd.length + length) return;
    const answer = this.#answer;
    this.#answer = "";
    this.#onAnswer(this, answer.startsWith("HTTP/1.1 2") ? undefined : answer);
  }
}

/**
 * Publishes at a steady rate over HTTP. If answers are slow, messages wait, and their stamps still contain the time at which
 * they were due.
 */
export class Publisher {
  readonly #lines: readonly Line[];
  readonly #free: Line[];
  readonly #waiting: PublishRequest[] = [];
  readonly #driver: Driver;
  #answers = 0;
  #expected = 0;
  #done = Promise.withResolvers<void>();

  private constructor(port: number, driver: Driver) {
    this.#driver = driver;
    this.#lines = Array.from({ length: parallelRequests }, () => new Line(port, this.#onAnswer));
    this.#free = [...this.#lines];
  }

  static async connect(port: number, driver: Driver): Promise<Publisher> {
    const publisher = new Publisher(port, driver);
    await Promise.all(publisher.#lines.map((line) => line.open()));
    return publisher;
  }

  /** Resolves when all are answered. @throws Error if one is refused */
  async publish(count: number, perSecond: number, messageLength: number): Promise<void> {
    this.#answers = 0;
    this.#expected = count;
    this.#done = Promise.withResolvers();
    this.#done.promise.catch(() => {}); // It is awaited below, after the last one is sent.
    const startedAt = performance.now();
    for (let sent = 0; sent < count; ) {
      const due = Math.min(count, Math.floor(((performance.now() - startedAt) * perSecond) / 1000) + 1);
      while (sent < due) {
        const request = this.#driver.publish?.(stampedText(nowUs(), messageLength));
        if (request === undefined) throw new Error("the driver has no `publish`, which this bench needs");
        this.#post(request);
        sent++;
      }
      await Bun.sleep(Math.max(1, startedAt + (sent * 1000) / perSecond - performance.now()));
    }
    await this.#done.promise;
  }

  #post(request: PublishRequest): void {
    const line = this.#free.pop();
    if (line === undefined) this.#waiting.push(request);
    else void line.post(request);
  }

  readonly #onAnswer = (line: Line, refusal: string | undefined): void => {
    if (refusal !== undefined) {
      this.#done.reject(new Error(refusal));
      return;
    }
    if (++this.#answers === this.#expected) this.#done.resolve();
    const request = this.#waiting.shift();
    if (request === undefined) this.#free.push(line);
    else void line.post(request);
  };
}
