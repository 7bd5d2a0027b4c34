import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import type { Publication } from "../../../protocol/publication.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { HistoryRules } from "../log.ts";

/** A publication, and when it was stored, as for `Line`. Its timestamp does not tell that, because the clock may have been set since. */
interface Kept {
  readonly publication: Publication;
  readonly at: number;
}

/**
 * One line of a snapshot, as JSON. The publications of a channel follow it, oldest first. The ids come last. Times are as if the
 * steady time had begun now: that of the process that takes over begins with the wall clock's.
 */
type Line =
  | {
      readonly channel: ChannelName;
      readonly epoch: string;
      readonly top: number;
      readonly kept: number;
      readonly rules: HistoryRules;
      /** Null for -Infinity: nothing was dropped. */
      readonly droppedUntil: number | null;
    }
  | Kept
  | { readonly id: string; readonly position: Position; readonly at: number };

/** The limits of a page of lines, in publications and bytes by `costOf`. */
const pageSize = 100;
const pageBytes = 1024 * 1024;

/**
 * Everything that a ledger holds, one line at a time, for a process that takes over.
 * @param aheadMs How far the wall clock is ahead of the ledger's steady time, because it was set.
 */
export function* snapshotOf(ledger: Ledger<Publication>, aheadMs: number): Iterable<string> {
  for (const channel of ledger.channels()) {
    const { name, epoch, top, rules, droppedUntil, kept } = channel;
    const dropped = droppedUntil === Number.NEGATIVE_INFINITY ? null : droppedUntil + aheadMs;
    yield line({ channel: name, epoch, top, kept: kept.length, rules, droppedUntil: dropped });
    // In pages, because a record is found by passing those before it.
    for (let from = 0; from < kept.length; ) {
      const page: string[] = [];
      let bytes = 0;
      kept.each(from, channel, (publication, { at, cost }) => {
        bytes += cost;
        return page.push(line({ publication, at: at + aheadMs })) < pageSize && bytes < pageBytes;
      });
      yield* page;
      from += page.length;
    }
  }
  for (const { key, position, at } of ledger.rememberedIds()) yield line({ id: key, position, at: at + aheadMs });
}

/** Restores a snapshot into an empty ledger. Epochs and offsets continue. */
export async function restoreSnapshot(
  ledger: Ledger<Publication>,
  lines: AsyncIterable<string> | Iterable<string>,
  now: number,
): Promise<void> {
  let channel: ReturnType<typeof ledger.openAt> | undefined;
  for await (const text of lines) {
    const it = JSON.parse(text) as Line;
    if ("channel" in it) {
      const { rules, top, kept, epoch, droppedUntil } = it;
      channel = ledger.openAt(it.channel, { epoch, offset: top - kept }, now);
      channel.rules = rules;
      channel.droppedUntil = droppedUntil ?? Number.NEGATIVE_INFINITY;
    } else if ("publication" in it) {
      if (channel !== undefined) ledger.restoreItem(channel, channel.top + 1, it.publication, { at: it.at, now });
    } else ledger.restoreKey(it.id, it.position, it.at);
  }
}

function line(it: Line): string {
  return JSON.stringify(it);
}
