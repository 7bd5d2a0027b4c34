import type { Backlog } from "../session/backlog.ts";
import { LargeBody } from "./large-body.ts";

/** A longer text is sent in parts. A shorter one is given to the runtime, which sends most of them in one write. */
const largeLength = 64 * 1024;

/**
 * Makes responses from texts. A client that reads slowly makes its response wait in this process, so large ones are sent in
 * parts and count towards the limit on buffered bytes.
 */
export class TextResponses {
  readonly #backlog: Backlog;
  readonly #bodies = new WeakMap<Response, LargeBody>();

  constructor(backlog: Backlog) {
    this.#backlog = backlog;
  }

  make(text: string, init: ResponseInit): Response {
    if (text.length <= largeLength) return new Response(text, init);
    const body = new LargeBody(text, this.#backlog);
    const response = new Response(body.stream, init);
    this.#bodies.set(response, body);
    return response;
  }

  /** The body of a response that is sent in parts; undefined for all others. */
  largeBodyOf(response: Response): LargeBody | undefined {
    return this.#bodies.get(response);
  }
}
