import type { ChannelName } from "../../protocol/channel-name.ts";
import { encodePublication, encodeServerFrame } from "../../protocol/codec.ts";
import { type Publication, sizeOf } from "../../protocol/publication.ts";

/** What stands in a batch: a publication, or the word that the receiver was left out of some. */
export type Outgoing = Push | Advance;

/** One publication on its way out; its JSON is made once, and only if somebody wants it. */
export class Push {
  readonly kind = "publication";
  readonly publication: Publication;
  readonly bytes: number;
  #json: string | undefined;

  constructor(publication: Publication) {
    this.publication = publication;
    this.bytes = sizeOf(publication);
  }

  get json(): string {
    this.#json ??= encodePublication(this.publication);
    return this.#json;
  }
}

/** Stands for publications that one connection does not get, so that it does not take them for a hole. */
export class Advance {
  readonly kind = "advance";
  readonly json: string;

  constructor(channel: ChannelName, offset: number) {
    this.json = encodeServerFrame({ type: "advance", channel, offset });
  }
}
