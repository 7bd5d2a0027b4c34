import calculateSlot from "cluster-key-slot";
import type { Redis } from "ioredis";

/** Hash slots of a cluster. */
export const slotCount = 16_384;

export interface Host {
  readonly host: string;
  readonly port: number;
}

/** A range of slots and the primary that has them, both ends included. */
export interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly primary: Host;
}

/** The slot of a key: of what stands between its first braces, where there is something. */
export function slotOf(key: string): number {
  return calculateSlot(key);
}

/**
 * Asks one node who has which slots (`CLUSTER SLOTS`).
 *
 * @param asked the node's own address, for answers that leave the host empty: it means the node that was asked
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
