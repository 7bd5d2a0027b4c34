import type { ChannelName } from "../../protocol/channel-name.ts";
import { Advance, type Outgoing } from "../session/push.ts";

/** The connections that some of these items exclude. */
export function excludedBy(items: readonly Outgoing[]): ReadonlySet<string> {
  let ids: Set<string> | undefined;
  for (const item of items) {
    const id = item.kind === "publication" ? item.publication.excludeConnectionId : undefined;
    if (id === undefined) continue;
    ids ??= new Set();
    ids.add(id);
  }
  return ids ?? nobody;
}

const nobody: ReadonlySet<string> = new Set();

/**
 * The items as an excluded connection gets them: each run of excluded publications becomes one `advance`. Ephemeral ones have
 * no offset and are dropped without one.
 */
export function withoutExcluded(
  items: readonly Outgoing[],
  channel: ChannelName,
  connectionId: string,
): readonly Outgoing[] {
  const visible: Outgoing[] = [];
  let advanceTo = 0;
  const advance = () => {
    if (advanceTo > 0) visible.push(new Advance(channel, advanceTo));
    advanceTo = 0;
  };
  for (const item of items) {
    if (item.kind === "publication" && item.publication.excludeConnectionId === connectionId) {
      advanceTo = Math.max(advanceTo, item.publication.offset);
      continue;
    }
    advance();
    visible.push(item);
  }
  advance();
  return visible;
}
