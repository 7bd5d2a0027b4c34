import type { ChannelName } from "../../protocol/channel-name.ts";
import { encodePublication, encodeServerFrame } from "../../protocol/codec.ts";
import type { Publication } from "../../protocol/publication.ts";
import { costOf } from "../broker/cost-of.ts";
import { textBytes } from "../lib/own-text.ts";

/** What stands in a batch: a publication, or the word that the receiver was left out of some. */
export type Outgoing = Push | Advance;

/**
 * One publication on its way out. Its JSON is made once, and only if somebody wants it; it is kept as long as the push is,
 * but not where it is larger than the publication (nearly all escapes): then it is made each time.
 */
export class Push {
  readonly kind = "publication";
  readonly publication: Publication;
  /** What it costs while it is kept: the publication, and as much again for its JSON. */
  readonly bytes: number;
  /** When it came here, milliseconds of a monotonic clock; 0 where nobody reckons its age. */
  readonly takenAt: number;
  #json: string | undefined;
  #wireBytes = 0;

  constructor(publication: Publication, takenAt = 0) {
    this.publication = publication;
    this.takenAt = takenAt;
    this.bytes = 2 * costOf(publication);
  }

  get json(): string {
    if (this.#json !== undefined) return this.#json;
    const json = encodePublication(this.publication);
    if (textBytes(json) <= this.bytes / 2) this.#json = json;
    return json;
  }

  /** Bytes of the JSON in UTF-8. */
  get wireBytes(): number {
    if (this.#wireBytes === 0) this.#wireBytes = Buffer.byteLength(this.json);
    return this.#wireBytes;
  }
}

/** Stands for publications that one connection does not get, so that it does not take them for a hole. */
export class Advance {
  readonly kind = "advance";
  readonly json: string;
  readonly wireBytes: number;

  constructor(channel: ChannelName, offset: number) {
    this.json = encodeServerFrame({ type: "advance", channel, offset });
    this.wireBytes = this.json.length;
  }
}
