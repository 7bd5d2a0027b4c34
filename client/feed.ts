import type { Joined, MessageOnTheWire, Ref } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import { ClientError } from "./client-error.ts";
import type { Timer } from "./clock.ts";
import { Emitter } from "./emitter.ts";
import { type Gap, Progress } from "./progress.ts";
import { checkData, type Schema } from "./schema.ts";

/** A publication as it is handed over. */
export interface Message<Data = unknown> extends Omit<MessageOnTheWire, "type" | "data"> {
  readonly data: Data;
}

/** What may be waited for in a channel. */
export interface ChannelEvents<Data = unknown> {
  message: Message<Data>;
  /** Publications were missed and will not come. With `getState` the state follows anew. */
  gap: Gap;
  /** What `getState` returned, each time. */
  state: unknown;
  /** The channel was refused, a message broke the schema, `getState` failed. */
  error: ClientError;
  /** The client ended. */
  end: undefined;
}

/** What a program's own backend knows, and up to which position it knows it. */
export interface State {
  readonly data: unknown;
  /** Absent: what is published from now on follows. */
  readonly position?: Position | undefined;
}

/** How a channel is to be read. The first who listens decides. */
export interface ChannelOptions<Input = unknown, Data = Input> {
  /** What `data` must look like, of what comes and of what is published. */
  readonly schema?: Schema<Input, Data>;
  /** Where to begin; absent: with what is published from now on. */
  readonly since?: Position | "earliest" | `last:${number}`;
  /** Asked first, and again after a gap: the channel goes on from the position it returns. */
  readonly getState?: () => Promise<State>;
}

/** One channel as this client reads it: who listens, how far it was read, and how it stands with the server. */
export interface Feed {
  readonly name: string;
  readonly options: ChannelOptions;
  readonly progress: Progress;
  readonly events: Emitter<ChannelEvents>;
  /** Every connection is in `all` and in its user's own channel, whether it asks or not. */
  readonly isAuto: boolean;
  isJoined: boolean;
  /** The subscribe command that is not answered yet, or was refused; a new connection makes it void. */
  askedRef: Ref | undefined;
  /** A handshake or a command that named it was refused: no handshake names it, lest it refuse all others. */
  isRefused: boolean;
  /** Whether the state was loaded, where there is one to load. */
  isLoaded: boolean;
  isLoading: boolean;
  /** How often loading failed in a row, or the state that was loaded did not last. */
  failures: number;
  /** Until it is loaded once more. */
  timer: Timer | undefined;
  /** The server let it in. */
  begin(joined: Joined): void;
  take(message: MessageOnTheWire): void;
  /** A hole that the server announced. */
  gap(gap: Gap): void;
  /** @returns whether the state is there */
  load(): Promise<boolean>;
}

export function makeFeed(name: string, options: ChannelOptions): Feed {
  const { getState, since, schema } = options;
  const progress = new Progress();
  const events = new Emitter<ChannelEvents>();
  /** The state was loaded, and where it reaches the stream is not known yet. */
  let isFresh = false;
  if (typeof since === "object") progress.position = since;

  function miss(gap: Gap | undefined, wasFresh = false): void {
    if (!gap) return;
    // Where even a fresh state does not reach the stream, a third one would not either.
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
    askedRef: undefined,
    isRefused: false,
    isLoaded: !getState,
    isLoading: false,
    failures: 0,
    timer: undefined,
    begin({ offset, from, reason, epoch }) {
      const count = typeof since === "string" && Number(since.slice(5));
      // A handshake cannot name a number for one channel: all that there is was asked for, and what is too much is skipped.
      const first = count && !progress.position ? Math.max(from, offset + 1 - count) : from;
      const wasFresh = isFresh;
      feed.isJoined = true;
      feed.isRefused = isFresh = false;
      feed.askedRef = undefined;
      miss(progress.skip(first - 1, reason, epoch), wasFresh);
    },
    take(message) {
      const { offset } = message;
      if (!feed.isJoined) return;
      if (offset) {
        if (!(offset > (progress.position?.offset ?? 0))) return;
        miss(progress.skip(offset - 1));
        progress.skip(offset);
      }
      try {
        events.emit("message", { ...message, data: schema ? checkData(schema, message.data) : message.data });
      } catch (cause) {
        events.emit("error", new ClientError("invalid-data", `${cause}`, cause));
      }
    },
    gap({ to, reason, epoch }) {
      if (feed.isJoined) miss(progress.skip(to, reason, epoch));
    },
    async load() {
      feed.isLoading = true;
      try {
        const state = await getState?.();
        progress.position = state?.position;
        feed.isLoaded = isFresh = true;
        events.emit("state", state?.data);
      } catch (cause) {
        events.emit("error", new ClientError("no-state", `${cause}`, cause));
      }
      feed.isLoading = false;
      return feed.isLoaded;
    },
  };
  return feed;
}
