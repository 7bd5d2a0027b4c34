import { Batch } from "../session/batch.ts";
import type { Session } from "../session/session.ts";
import type { Encoded } from "../session/wire-form.ts";
import { excludedBy, withoutExcluded } from "./exclusion.ts";
import type { ListenedChannel } from "./listened-channel.ts";

/** What the flush has done since the start; plain additions, read by the scraper. */
export interface FlushCounts {
  flushes: number;
  /** Writes that a connection took. */
  writes: number;
  /** Publications times receivers. */
  deliveries: number;
}

/** What a flush needs of its neighbours. Neither may touch level lists or outboxes while it runs. */
export interface FlushOutcomes {
  /** The connection took everything and has no more room. */
  onFull(session: Session): void;
  /** The connection took nothing: its cursors stay where they were before `batches`. */
  onRefused(session: Session, batches: readonly Batch[]): void;
  sessionById(id: string): Session | undefined;
}

/**
 * Hands what waits in the dirty channels to their level members: encoded once per wire form, one write per session over all
 * its channels. Marked hot path: no await, closure, spread, log or try per subscriber.
 */
export class Flush {
  readonly counts: FlushCounts = { flushes: 0, writes: 0, deliveries: 0 };
  readonly #outcomes: FlushOutcomes;
  #dirty: ListenedChannel[] = [];
  #touched: Session[] = [];
  #parts: Encoded[] = [];

  constructor(outcomes: FlushOutcomes) {
    this.#outcomes = outcomes;
  }

  /** Something was appended to the channel's tail. Once per channel and flush is enough, more does no harm. */
  mark(channel: ListenedChannel): void {
    if (channel.isDirty) return;
    channel.isDirty = true;
    this.#dirty.push(channel);
  }

  /** @returns How many sessions were written to. */
  run(): number {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const channel of dirty) this.#gather(channel);
    const touched = this.#touched;
    this.#touched = [];
    for (const session of touched) this.#write(session);
    this.counts.flushes++;
    return touched.length;
  }

  #gather(channel: ListenedChannel): void {
    channel.isDirty = false;
    const after = channel.flushed;
    const pushes = channel.tail.flush();
    if (pushes.length === 0) return;
    const batch = new Batch(channel.name, after, pushes);
    const { level } = channel;
    for (let slot = level.length - 1; slot >= 0; slot--) {
      const session = level[slot]?.session;
      if (session === undefined) continue;
      if (session.outbox.length === 0) this.#touched.push(session);
      session.outbox.push(batch);
    }
    this.counts.deliveries += level.length * pushes.length;
    this.#leaveOut(channel, batch);
  }

  /** The few who asked to be left out get their own version; found by name, so that nobody else pays for it. */
  #leaveOut(channel: ListenedChannel, batch: Batch): void {
    for (const id of excludedBy(batch.items)) {
      const session = this.#outcomes.sessionById(id);
      if (session === undefined || channel.memberOf(session)?.isLevel !== true) continue;
      const items = withoutExcluded(batch.items, batch.channel, id);
      if (items.length === 0) session.outbox.pop();
      else session.outbox[session.outbox.length - 1] = new Batch(batch.channel, batch.after, items);
    }
  }

  #write(session: Session): void {
    const { outbox, connection } = session;
    if (outbox.length === 0) return; // all it would have got left it out
    const form = connection.wireForm;
    const only = outbox.length === 1 && !form.carriesCursor ? outbox[0] : undefined;
    const outcome = connection.send(only === undefined ? this.#join(session) : only.encoded(form));
    if (outcome === "refused") this.#outcomes.onRefused(session, outbox);
    else if (outcome !== "closed") this.counts.writes++;
    if (outcome === "full") this.#outcomes.onFull(session);
    outbox.length = 0;
  }

  #join(session: Session): Encoded {
    const form = session.connection.wireForm;
    const parts = this.#parts;
    parts.length = 0;
    for (const batch of session.outbox) parts.push(batch.encoded(form));
    return form.join(parts, form.carriesCursor ? session.cursor() : "");
  }
}
