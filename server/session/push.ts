import type { ChannelName } from "../../protocol/channel-name.ts";
import { encodePublication, encodeServerFrame } from "../../protocol/codec.ts";
import { type Publication, sizeOf } from "../../protocol/publication.ts";
import type { Encoded, WireForm } from "./wire-form.ts";

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

/** What one channel sends out in one flush: the same bytes for all level sessions of a wire form. */
export class Batch {
  readonly channel: ChannelName;
  /** The cursor before it. */
  readonly after: number;
  readonly items: readonly Outgoing[];
  #lastForm: WireForm | undefined;
  #lastEncoded: Encoded = [];
  readonly #others = new Map<WireForm, Encoded>();

  constructor(channel: ChannelName, after: number, items: readonly Outgoing[]) {
    this.channel = channel;
    this.after = after;
    this.items = items;
  }

  /** Hot path: neighbours in a list mostly have the same form, so the last one is looked at before the map. */
  encoded(form: WireForm): Encoded {
    if (form === this.#lastForm) return this.#lastEncoded;
    let encoded = this.#others.get(form);
    if (encoded === undefined) {
      encoded = form.encode(this.items);
      this.#others.set(form, encoded);
    }
    this.#lastForm = form;
    this.#lastEncoded = encoded;
    return encoded;
  }
}
