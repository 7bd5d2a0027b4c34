import type { Joined, Ref, WireMessage } from "../protocol/frames.ts";
import type { ChannelEvents, ChannelOptions } from "./channel-options.ts";
import { ClientError } from "./client-error.ts";
import type { Timer } from "./clock.ts";
import { Emitter } from "./emitter.ts";
import type { PresenceView } from "./presence.ts";
import { type Gap, Progress } from "./progress.ts";
import { checkData } from "./schema.ts";

/** One channel of this client: its handlers, the position it was read to, and its subscription. */
export interface Feed {
  readonly name: string;
  readonly options: ChannelOptions;
  readonly progress: Progress;
  readonly events: Emitter<ChannelEvents>;
  /** Whether the server subscribes every connection to it: `all`, and the user's own channel. */
  readonly isAuto: boolean;
  isJoined: boolean;
  /** The presence of the channel; undefined without a handler for it. */
  presence: PresenceView | undefined;
  /** The subscribe command that is not answered yet, or was refused. Reset on a new connection. */
  askedRef: Ref | undefined;
  /** A handshake or command with this channel was refused. Later handshakes leave it out, so that the other channels are accepted. */
  isRefused: boolean;
  /** Whether the state is loaded; true if there is no `getState`. */
  isLoaded: boolean;
  isLoading: boolean;
  /** How often in a row loading failed, or the loaded state was already out of date. */
  failures: number;
  /** Runs until the state is loaded again. */
  timer: Timer | undefined;
  /** The server confirmed the subscription. */
  joined(frame: Joined): void;
  receive(message: WireMessage): void;
  /** The server announced a gap. */
  gap(gap: Gap): void;
  /** Makes a running `load` throw this error. */
  stop: ((error: Error) => void) | undefined;
  /** @param limit rejects when loading takes too long or the client is closed. @throws what `getState` or the limit throws */
  load(limit: Promise<never>): Promise<void>;
}

export function makeFeed(name: string, options: ChannelOptions): Feed {
  const { getState, since, schema } = options;
  const progress = new Progress();
  const events = new Emitter<ChannelEvents>();
  /** The state was just loaded, and it is not known yet whether the stream continues from its position. */
  let isFresh = false;
  if (typeof since === "object") progress.position = since;

  function reportGap(gap: Gap | undefined, wasFresh = false): void {
    if (!gap) return;
    // If the history does not reach back to a state that was just loaded, loading it once more would not help.
    if (getState && !wasFresh) feed.isLoaded = false;
    events.emit("gap", gap);
  }

  const feed: Feed = {
    name,
    options,
    progress,
    events,
    isAuto: name === "all" || name.startsWith("@"),
    isJoined: false,
    presence: undefined,
    askedRef: undefined,
    isRefused: false,
    isLoaded: !getState,
    isLoading: false,
    failures: 0,
    timer: undefined,
    stop: undefined,
    joined({ offset, from, reason, epoch }) {
      const count = typeof since === "string" && Number(since.slice(5));
      // A handshake cannot ask for the last N of one channel. It asked for the whole history; skip what is too much.
      const first = count && !progress.position ? Math.max(from, offset + 1 - count) : from;
      const wasFresh = isFresh;
      feed.isJoined = true;
      feed.isRefused = isFresh = false;
      feed.askedRef = undefined;
      reportGap(progress.skip(first - 1, reason, epoch), wasFresh);
    },
    receive(message) {
      const { offset } = message;
      if (!feed.isJoined) return;
      if (offset) {
        if (!(offset > (progress.position?.offset ?? 0))) return;
        reportGap(progress.skip(offset - 1));
        progress.skip(offset);
      }
      try {
        events.emit("message", { ...message, data: schema ? checkData(schema, message.data) : message.data });
      } catch (cause) {
        events.emit("error", new ClientError("invalid-data", `${cause}`, cause));
      }
    },
    gap({ to, reason, epoch }) {
      if (feed.isJoined) reportGap(progress.skip(to, reason, epoch));
    },
    async load(limit) {
      const state = await Promise.race([getState?.(), limit]);
      progress.position = state?.position;
      feed.isLoaded = isFresh = true;
      events.emit("state", state?.data);
    },
  };
  return feed;
}
