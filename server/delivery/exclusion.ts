import type { ChannelName } from "../../protocol/channel-name.ts";
import { Batch } from "../session/batch.ts";
import { Advance, type Outgoing } from "../session/push.ts";
import type { Session } from "../session/session.ts";
import type { ListenedChannel } from "./listened-channel.ts";

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

/**
 * Gives sessions that are excluded from something their own batch, in place of the one that is the last in their outbox. They
 * are looked up by id, so the others pay nothing.
 */
export function applyExclusions(
  channel: ListenedChannel,
  batch: Batch,
  sessions: { sessionById(id: string): Session | undefined },
): void {
  const excluded = excludedBy(batch.items);
  if (excluded.size === 0) return;
  for (const id of excluded) {
    const session = sessions.sessionById(id);
    if (session?.outbox === undefined || channel.memberOf(session)?.isLevel !== true) continue;
    const items = withoutExcluded(batch.items, batch.channel, id);
    if (items.length === 0) session.outbox.pop();
    else session.outbox[session.outbox.length - 1] = new Batch(batch.channel, batch.after, items);
  }
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
