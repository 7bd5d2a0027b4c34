import { type Used, UseOrder } from "./use-order.ts";

/** Whether a channel keeps publications, or only its numbering. */
export type Kind = "keeping" | "idle";

/** The owner of channels, publications and ids, to which they are charged: one client, or the server for all API keys. */
export class Owner<C extends Used<C>> {
  /** As in `Draft.publisher`; undefined for the server. */
  readonly name: string | undefined;
  /** Channels it created, and their cost by `channelCost`. */
  channels = 0;
  channelBytes = 0;
  /** Bytes of its publications, in whichever channels. */
  keptBytes = 0;
  idBytes = 0;
  /** The channels it created that keep publications, and those that do not, by their last use. */
  readonly keeping = new UseOrder<C>();
  readonly idle = new UseOrder<C>();

  constructor(name: string | undefined) {
    this.name = name;
  }

  get isClient(): boolean {
    return this.name !== undefined;
  }

  /** Everything that is charged to it. */
  get bytes(): number {
    return this.channelBytes + this.keptBytes + this.idBytes;
  }

  /** Whether nothing depends on it any more. */
  get isUnused(): boolean {
    return this.bytes === 0;
  }
}
