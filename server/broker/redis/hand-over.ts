import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { KnownOffsets } from "./known-offsets.ts";
import type { Members } from "./members.ts";

/** Most positions that a leaving member hands over, about 5 MB. */
const maxHandedOver = 100_000;
/** Positions per message. */
const positionsPerMessage = 1000;
/** Most members of which an unfinished hand-over is remembered. */
const maxUnfinished = 100;

export type HandOverMessage =
  | {
      readonly kind: "keep";
      readonly from: string;
      readonly positions: readonly (readonly [channel: ChannelName, epoch: string, offset: number])[];
    }
  /** The member leaves, after this many `keep` messages. */
  | { readonly kind: "bye"; readonly from: string; readonly messages: number };

export interface HandOverDependencies {
  readonly self: string;
  readonly members: Members;
  readonly knownOffsets: KnownOffsets;
  /** Sends a text to all members, on a topic that keeps the order. Rejects if it cannot be sent now. */
  send(text: string): Promise<unknown>;
}

/**
 * The hand-over of members that leave: a member tells the others the positions that it knows before it announces its
 * departure, because its publishers and clients may still hold these positions.
 */
export class HandOver {
  readonly #dependencies: HandOverDependencies;
  /** `keep` messages received, by member. */
  readonly #received = new Map<string, number>();

  constructor(dependencies: HandOverDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Hands over what this member knows, and announces its departure.
   *
   * @returns whether it did. If it knows too much, or is disconnected, it does not announce its departure: the others then
   *   treat it as a member that fell silent.
   */
  async leave(): Promise<boolean> {
    const { knownOffsets, self } = this.#dependencies;
    const known = knownOffsets.all(maxHandedOver);
    if (known === undefined) return false;
    const positions = known.map(([channel, { epoch, offset }]) => [channel, epoch, offset] as const);
    let messages = 0;
    try {
      for (let from = 0; from < positions.length; from += positionsPerMessage, messages++) {
        await this.#send({ kind: "keep", from: self, positions: positions.slice(from, from + positionsPerMessage) });
      }
      await this.#send({ kind: "bye", from: self, messages });
      return true;
    } catch {
      return false; // disconnected
    }
  }

  handleMessage(message: HandOverMessage): void {
    const { self, members, knownOffsets } = this.#dependencies;
    const { from } = message;
    if (from === self) return;
    const received = this.#received.get(from) ?? 0;
    if (message.kind === "keep") {
      for (const [channel, epoch, offset] of message.positions) knownOffsets.handedOver(channel, { epoch, offset });
      this.#received.set(from, received + 1);
      for (const first of this.#received.keys()) if (this.#received.size > maxUnfinished) this.#received.delete(first);
    } else {
      this.#received.delete(from);
      // A message was lost with the connection: the positions of that member are not known here.
      if (received === message.messages) members.left(from);
    }
  }

  #send(message: HandOverMessage): Promise<unknown> {
    return this.#dependencies.send(JSON.stringify(message));
  }
}
