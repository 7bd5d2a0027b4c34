import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Outgoing } from "./push.ts";
import type { Encoded, WireForm } from "./wire-form.ts";

/** The publications that one channel sends in one flush: the same bytes for all level sessions of a wire form. */
export class Batch {
  readonly channel: ChannelName;
  /** The offset before the first item. */
  readonly after: number;
  readonly items: readonly Outgoing[];
  #wireBytes = 0;
  #lastForm: WireForm | undefined;
  #lastEncoded: Encoded = nothing;
  /** Made for the second form: most batches are needed in one. */
  #others: Map<WireForm, Encoded> | undefined;

  constructor(channel: ChannelName, after: number, items: readonly Outgoing[]) {
    this.channel = channel;
    this.after = after;
    this.items = items;
  }

  /** Bytes of its JSON, which is nearly the size of the write. */
  get wireBytes(): number {
    if (this.#wireBytes === 0) for (const item of this.items) this.#wireBytes += item.wireBytes;
    return this.#wireBytes;
  }

  /** Hot path: adjacent sessions mostly have the same form, so the last form is checked before the map. */
  encoded(form: WireForm): Encoded {
    if (form === this.#lastForm) return this.#lastEncoded;
    if (this.#lastForm !== undefined) {
      this.#others ??= new Map();
      this.#others.set(this.#lastForm, this.#lastEncoded);
    }
    const encoded = this.#others?.get(form) ?? form.encode(this.items);
    this.#lastForm = form;
    this.#lastEncoded = encoded;
    return encoded;
  }
}

const nothing: Encoded = [];
