import { isoTime, present } from "../../protocol/codec.ts";
import type { TailEvent } from "../trace/tail-event.ts";
import type { TailBatch } from "../trace/tails.ts";

/** Characters that are buffered for a slow client. Further events are dropped and counted. */
const maxWaiting = 256 * 1024;
/** The interval of the comments on a quiet stream: less than the time after which the server closes an idle connection. */
const commentMs = 5000;

type Open = (onBatch: (batch: TailBatch) => void, onEnd: () => void) => () => void;

/** The event stream of one tail. A client that does not read it loses events and is told how many; nothing waits for it. */
export class TailStream {
  readonly body: ReadableStream<string>;
  #end: () => void = () => undefined;
  #comments: ReturnType<typeof setInterval> | undefined;
  #dropped = 0;

  /** @throws errors of `open` */
  constructor(open: Open) {
    let controller: ReadableStreamDefaultController<string> | undefined;
    this.body = new ReadableStream<string>(
      {
        start: (it) => {
          controller = it;
          it.enqueue(": what happens from now on\n\n");
        },
        cancel: () => this.#close(),
      },
      { highWaterMark: maxWaiting, size: (chunk) => chunk?.length ?? 0 },
    );
    const send = (text: string) => {
      if (controller === undefined) return false;
      if ((controller.desiredSize ?? 0) <= 0) return false;
      controller.enqueue(text);
      return true;
    };
    this.#end = open(
      (batch) => this.#send(batch, send),
      () => {
        this.#close();
        controller?.close();
      },
    );
    this.#comments = setInterval(() => send(":\n\n"), commentMs);
    this.#comments.unref();
  }

  #send({ events, dropped, worker }: TailBatch, send: (text: string) => boolean): void {
    const lost = this.#dropped + dropped;
    const note = lost === 0 ? "" : `event: dropped\ndata: {"count":${lost}}\n\n`;
    const text = events.map((it) => `data: ${JSON.stringify(describe(it, worker))}\n\n`).join("");
    if (send(text + note)) this.#dropped = 0;
    else this.#dropped = lost + events.length;
  }

  #close(): void {
    clearInterval(this.#comments);
    this.#end();
  }
}

function describe({ kind, at, user, connection, ...rest }: TailEvent, worker: string) {
  return { at: isoTime(at), kind, worker, ...present({ user_id: user, connection_id: connection, ...rest }) };
}
