import type { ChannelName } from "../../protocol/channel-name.ts";
import { Advance, type Outgoing } from "../session/push.ts";

/** The connections that some of these leave out. */
export function excludedBy(items: readonly Outgoing[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const item of items) {
    const id = item.kind === "publication" ? item.publication.excludeConnectionId : undefined;
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

/**
 * The items as the connection sees them that some leave out: neighbours left out share one `advance`. Ephemeral ones have
 * no place in the numbering and go without a word.
 */
export function withoutExcluded(
  items: readonly Outgoing[],
  channel: ChannelName,
  connectionId: string,
): readonly Outgoing[] {
  const seen: Outgoing[] = [];
  let leftOut = 0;
  const advance = () => {
    if (leftOut > 0) seen.push(new Advance(channel, leftOut));
    leftOut = 0;
  };
  for (const item of items) {
    if (item.kind === "publication" && item.publication.excludeConnectionId === connectionId) {
      leftOut = Math.max(leftOut, item.publication.offset);
      continue;
    }
    advance();
    seen.push(item);
  }
  advance();
  return seen;
}
