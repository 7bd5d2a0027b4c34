import type { Publication } from "../../protocol/publication.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { Push } from "../session/push.ts";
import type { Encoded, WireForm } from "../session/wire-form.ts";

/** Sessions that lag by the same amount are served in the same turn or, if there was no room, a little later. Milliseconds. */
const rememberMs = 1000;

/**
 * Keeps the chunk that the pump sent last, so that sessions that need the same chunk share one copy: encoding a publication of
 * 15 MB for each of a hundred readers makes more garbage than the collector can handle. Keeps at most one chunk.
 */
export class LastChunk {
  readonly #clock: Clock;
  #pushes: readonly Push[] = [];
  readonly #encoded = new Map<WireForm, Encoded>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As many publications as fit into `maxBytes` on the wire; at least one, even if it is larger. */
  cut(publications: readonly Publication[], maxBytes: number): readonly Push[] {
    const pushes: Push[] = [];
    let bytes = 0;
    for (const publication of publications) {
      const push = this.#pushOf(publication);
      bytes += push.wireBytes;
      if (bytes > maxBytes && pushes.length > 0) break;
      pushes.push(push);
    }
    return pushes;
  }

  encode(form: WireForm, pushes: readonly Push[]): Encoded {
    if (!this.#isSame(pushes)) this.#remember(pushes);
    let encoded = this.#encoded.get(form);
    if (encoded === undefined) {
      encoded = form.encode(pushes);
      this.#encoded.set(form, encoded);
    }
    return encoded;
  }

  #pushOf(publication: Publication): Push {
    return this.#pushes.find((it) => it.publication === publication) ?? new Push(publication);
  }

  #isSame(pushes: readonly Push[]): boolean {
    return (
      pushes.length === this.#pushes.length &&
      pushes.every((it, index) => it.publication === this.#pushes[index]?.publication)
    );
  }

  #remember(pushes: readonly Push[]): void {
    this.#pushes = pushes;
    this.#encoded.clear();
    this.#timer ??= this.#clock.setTimeout(this.#forget, rememberMs);
  }

  readonly #forget = (): void => {
    this.#timer = undefined;
    this.#pushes = [];
    this.#encoded.clear();
  };
}
