import type { Joined, MessageOnTheWire, Ref } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import { ClientError } from "./client-error.ts";
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
export class Feed {
  readonly name: string;
  readonly options: ChannelOptions;
  readonly progress = new Progress();
  readonly events = new Emitter<ChannelEvents>();
  isJoined = false;
  /** The subscribe command that is not answered yet, or was refused; a new connection makes it void. */
  askedRef: Ref | undefined;
  /** A handshake or a command that named it was refused: no handshake names it, lest it refuse all others. */
  isDoubtful = false;
  /** Whether the state was loaded, where there is one to load. */
  isLoaded: boolean;
  isLoading = false;
  /** How often loading failed in a row. */
  failures = 0;
  #isFresh = false;

  constructor(name: string, options: ChannelOptions) {
    this.name = name;
    this.options = options;
    this.isLoaded = !options.getState;
    if (typeof options.since === "object") this.progress.position = options.since;
  }

  /** Whether anybody listens. */
  get isWanted(): boolean {
    return this.events.size > 0;
  }

  /** Every connection is in `all` and in its user's own channel, whether it asks or not. */
  get isEverybodys(): boolean {
    return this.name === "all" || this.name.startsWith("@");
  }

  /** The server let it in. */
  begin({ offset, ...joined }: Joined): void {
    this.isJoined = true;
    this.isDoubtful = false;
    this.askedRef = undefined;
    const { since } = this.options;
    const count = typeof since === "string" && Number(since.slice(5));
    // A handshake cannot name a number for one channel: all that there is was asked for, and what is too much is skipped.
    const from = count && !this.progress.position ? Math.max(joined.from, offset + 1 - count) : joined.from;
    const wasFresh = this.#isFresh;
    this.#isFresh = false;
    const { reason = "history-too-short", epoch } = joined;
    this.#miss(this.progress.skip(from - 1, reason, epoch), wasFresh);
  }

  take(message: MessageOnTheWire): void {
    if (!this.isJoined) return;
    const { offset } = message;
    if (offset) {
      if (!this.progress.isNew(offset)) return;
      this.#miss(this.progress.skip(offset - 1, "unannounced"));
      this.progress.skip(offset, "unannounced");
    }
    const { schema } = this.options;
    try {
      this.events.emit("message", { ...message, data: schema ? checkData(schema, message.data) : message.data });
    } catch (cause) {
      this.events.emit("error", new ClientError("invalid-data", `${cause}`, cause));
    }
  }

  /** A hole that the server announced. */
  gap({ to, reason, epoch }: Gap): void {
    if (this.isJoined) this.#miss(this.progress.skip(to, reason, epoch));
  }

  /** @returns whether the state is there */
  async load(): Promise<boolean> {
    this.isLoading = true;
    try {
      const state = await this.options.getState?.();
      this.progress.position = state?.position;
      this.failures = 0;
      this.isLoaded = this.#isFresh = true;
      this.events.emit("state", state?.data);
    } catch (cause) {
      this.failures++;
      this.events.emit("error", new ClientError("no-state", `${cause}`, cause));
    }
    this.isLoading = false;
    return this.isLoaded;
  }

  #miss(gap: Gap | undefined, isFresh = false): void {
    if (!gap) return;
    // Where even a fresh state does not reach the stream, a third one would not either.
    if (this.options.getState && !isFresh) this.isLoaded = false;
    this.events.emit("gap", gap);
  }
}
