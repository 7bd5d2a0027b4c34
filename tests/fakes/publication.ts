import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Publication } from "../../protocol/publication.ts";
import { Push } from "../../server/session/push.ts";

export const room = "room" as ChannelName;

/** A publication in `room` of the epoch `e1`; offset 0 is an ephemeral one. */
export function makePublication(offset: number, more: Partial<Publication> = {}): Publication {
  return { channel: room, id: `id-${offset}`, epoch: "e1", offset, timestamp: 0, message: `${offset}`, ...more };
}

/** Several in a row, both ends included. */
export function makePublications(from: number, to: number, more: Partial<Publication> = {}): readonly Publication[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => makePublication(from + index, more));
}

export function makePush(offset: number, more: Partial<Publication> = {}): Push {
  return new Push(makePublication(offset, more));
}
