import type { ChannelName } from "../../protocol/channel-name.ts";
import { encodePublication, encodeServerFrame } from "../../protocol/codec.ts";
import type { Publication } from "../../protocol/publication.ts";
import { costOf } from "../broker/cost-of.ts";
import { textBytes } from "../lib/own-text.ts";

/** An item of a batch: a publication, or an `advance` in place of publications that the receiver is excluded from. */
export type Outgoing = Push | Advance;

/**
 * One publication to be sent. Its JSON is encoded on first use and kept as long as the push, unless it is larger than the
 * publication (mostly escapes): then it is encoded on each use.
 */
export class Push {
  readonly kind = "publication";
  readonly publication: Publication;
  /** Memory it takes while it is kept: the publication, and the same again for its JSON. */
  readonly bytes: number;
  /** When it arrived here, milliseconds of a monotonic clock; 0 if its age is not needed. */
  readonly receivedAt: number;
  #json: string | undefined;
  #wireBytes = 0;

  constructor(publication: Publication, receivedAt = 0) {
    this.publication = publication;
    this.receivedAt = receivedAt;
    this.bytes = 2 * costOf(publication);
  }

  get json(): string {
    if (this.#json !== undefined) return this.#json;
    const json = encodePublication(this.publication);
    // Mostly it is short enough whatever it contains, and need not be measured.
    if (4 * json.length < this.bytes || textBytes(json) <= this.bytes / 2) this.#json = json;
    return json;
  }

  /** Bytes of the JSON in UTF-8. */
  get wireBytes(): number {
    if (this.#wireBytes === 0) this.#wireBytes = Buffer.byteLength(this.json);
    return this.#wireBytes;
  }
}

/** Replaces publications that one connection is excluded from, so that the client does not see a gap. */
export class Advance {
  readonly kind = "advance";
  readonly json: string;
  readonly wireBytes: number;

  constructor(channel: ChannelName, offset: number) {
    this.json = encodeServerFrame({ type: "advance", channel, offset });
    this.wireBytes = this.json.length;
  }
}
