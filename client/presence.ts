import type { ClientCommand } from "../protocol/client-codec.ts";
import type { PresenceEventFrame, PresenceFrame, PresenceMember, PresenceResetFrame } from "../protocol/frames.ts";
import type { ClientError } from "./client-error.ts";
import type { Clock, Timer } from "./clock.ts";

/** The connections and users in a channel. */
export interface Presence {
  /** Number of connections; more than `members` if the client may only know the number. */
  readonly count: number;
  /** In the order in which they became known. A new list each time. */
  readonly members: readonly PresenceMember[];
}

/** Keeps one channel's presence true while it has handlers. */
export interface PresenceView {
  receive(frame: PresenceEventFrame | PresenceResetFrame): void;
  /** The channel is not subscribed any more. */
  stop(): void;
}

/** Makes the view of a subscribed channel. Loaded only by pages that use it. */
export type MakePresence = typeof makePresence;

/** More events than this are not kept while an answer is awaited: the answer that is asked for next includes them. */
const maxEarly = 10_000;

/**
 * Asks for the presence, and applies the events after it. Each event has the position after the one before; if one is
 * missing, or the server says so, the presence is asked for again.
 *
 * An answer may have several pages, each true at its own position. Applying all events after the first page's position makes
 * all of them true: an event that a page includes already does nothing.
 *
 * @param onChange called once for all events that arrive in one turn of the event loop
 */
export function makePresence(
  channel: string,
  put: (command: ClientCommand, resolve: (answer: unknown) => void, reject: (error: ClientError) => void) => unknown,
  clock: Pick<Clock, "setTimeout">,
  onChange: (presence: Presence) => void,
  onError: (error: ClientError) => void,
): PresenceView {
  let members = new Map<string, PresenceMember>();
  let epoch: string | undefined;
  let position = 0;
  let count = 0;
  /** The events since the presence was asked for; undefined while nothing is awaited. */
  let early: PresenceEventFrame[] | undefined;
  let timer: Timer | undefined;

  function ask(): void {
    early = [];
    load(early).catch(onError);
  }

  async function load(events: PresenceEventFrame[]): Promise<void> {
    const all = new Map<string, PresenceMember>();
    let first: PresenceFrame | undefined;
    let page: string | undefined;
    do {
      const frame: PresenceFrame = await new Promise((resolve, reject) => {
        put({ type: "presence", channel, page }, resolve as (answer: unknown) => void, reject);
      });
      if (early !== events) return; // it was asked for again
      first ??= frame;
      if (frame.epoch !== first.epoch) {
        ask();
        return;
      }
      for (const it of frame.members ?? []) all.set(it.connection_id, it);
      page = frame.next;
    } while (page);
    members = all;
    ({ epoch, position = 0, count } = first);
    early = undefined;
    changed();
    for (const event of events) receive(event);
  }

  function receive(frame: PresenceEventFrame | PresenceResetFrame): void {
    if (frame.event === "reset" || (early?.length ?? 0) > maxEarly) ask();
    else if (early) early.push(frame);
    else if (frame.epoch !== epoch || frame.position > position + 1) ask();
    else if (frame.position > position) {
      const { connection_id, user_id, info, timestamp: since } = frame;
      ({ position, count } = frame);
      members.delete(connection_id);
      if (frame.event === "joined")
        members.set(connection_id, { connection_id, user_id, info, since } as PresenceMember);
      changed();
    }
  }

  function changed(): void {
    timer ??= clock.setTimeout(() => {
      timer = undefined;
      onChange({ count, members: [...members.values()] });
    }, 0);
  }

  ask();
  return {
    receive,
    stop() {
      early = [];
      timer?.cancel();
    },
  };
}
