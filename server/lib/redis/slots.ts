import calculateSlot from "cluster-key-slot";
import type { Redis } from "ioredis";

/** Number of hash slots in a cluster. */
export const slotCount = 16_384;

export interface Host {
  readonly host: string;
  readonly port: number;
}

/** A range of slots, both ends included, and its primary. */
export interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly primary: Host;
}

/** The slot of a key: of the part between its first braces, if there is one. */
export function slotOf(key: string): number {
  return calculateSlot(key);
}

/**
 * Asks one node for the slot ranges (`CLUSTER SLOTS`).
 *
 * @param asked the node's own address. An empty host in the answer means the node that was asked
 */
export async function readSlots(node: Redis, asked: Host): Promise<readonly SlotRange[]> {
  const answer = (await node.cluster("SLOTS")) as unknown as readonly [
    number,
    number,
    [string, number],
    ...unknown[],
  ][];
  return answer.map(([first, last, [host, port]]) => ({
    first,
    last,
    primary: { host: host === "" || host === null ? asked.host : host, port },
  }));
}

/** @param name such as `10.0.0.5:7000` */
export function toHost(name: string): Host {
  const colon = name.lastIndexOf(":");
  return { host: name.slice(0, colon), port: Number(name.slice(colon + 1)) };
}
