import type { RedisAddress } from "./address.ts";
import type { MakeConnection } from "./connect.ts";
import { type Host, readSlots, type SlotRange, slotCount } from "./slots.ts";
import { RedisUnreachable, RedisUnusable } from "./unreachable.ts";

/**
 * Asks the nodes of a cluster for its slots, one after the other, until one knows a primary for each slot.
 * @throws RedisUnusable if a node is no cluster, RedisUnreachable if no node has an answer
 */
export async function askSlots(
  address: RedisAddress,
  nodes: readonly Host[],
  connect: MakeConnection,
): Promise<readonly SlotRange[]> {
  let last: unknown = new RedisUnreachable("no node of the cluster is known");
  for (const host of nodes) {
    const node = connect(address, host);
    node.on("error", (error: unknown) => {
      last = error;
    });
    try {
      await node.connect();
      const ranges = await readSlots(node, host);
      if (ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0) === slotCount) return ranges;
      last = new RedisUnreachable("some slots of the cluster currently have no primary");
    } catch (error) {
      if (/cluster support disabled/.test(String(error))) {
        last = new RedisUnusable(`${host.host}:${host.port} is not a cluster. Use redis:// without +cluster`);
      } else if (last instanceof RedisUnreachable || last === undefined) last = error;
    } finally {
      node.disconnect();
    }
  }
  throw last instanceof RedisUnusable || last instanceof RedisUnreachable
    ? last
    : new RedisUnreachable(`no node of the cluster answers: ${String(last)}`, { cause: last });
}
