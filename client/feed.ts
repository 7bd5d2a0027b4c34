import type { IncomingFrame } from "../protocol/client-codec.ts";
import type { Joined, Ref, WireMessage } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import { retry } from "./backoff.ts";
import type { ChannelEvents, ChannelOptions } from "./channel-options.ts";
import { ClientError, type ClientErrorCode } from "./client-error.ts";
import type { Timer } from "./clock.ts";
import { cursorPart } from "./cursor.ts";
import { type Emitter, makeEmitter } from "./emitter.ts";
import type { ClientEnvironment, TransportName } from "./environment.ts";
import type { Outbox } from "./outbox.ts";
import type { MakePresence, PresenceView } from "./presence.ts";
import { type Gap, Progress } from "./progress.ts";
import { checkData } from "./schema.ts";
import type { Send } from "./transport.ts";

/** How long `getState` may take before it is called again. Milliseconds. */
const stateMs = 30_000;

/** Shared by all feeds of one client. */
export interface FeedContext {
  /** Whether there is a connection, and the client was not closed. */
  isConnected: boolean;
  /** Whether the client was closed. */
  isOver: boolean;
  /** The transport of the last handshake. */
  transport: TransportName;
  readonly outbox: Pick<Outbox, "put" | "drop">;
  /** For commands whose answers are not needed. */
  readonly send: Send;
  readonly environment: Pick<ClientEnvironment, "clock" | "random">;
  /** Undefined until it is loaded; the first call starts that. */
  loadedPresence(): MakePresence | undefined;
  /** Reconciles all feeds in a later turn. */
  schedule(): void;
}

/** One channel of a client: its handlers, the position it was read to, and its subscription. */
export interface Feed {
  readonly position: Position | undefined;
  readonly on: Emitter<ChannelEvents>["on"];
  /** Subscribes, loads or leaves, as its handlers require. @returns false if it has no handlers */
  reconcile(): boolean;
  /** Its part of the next handshake's cursor; empty without a position. Undefined: the handshake must not name it. */
  describe(): string | undefined;
  /** The connection was replaced: commands on the old one will not be answered. */
  forget(): void;
  /** The server confirmed the subscription in its welcome. */
  welcome(joined: Joined): void;
  receive(frame: IncomingFrame): void;
  /** A handshake with this channel was refused. @returns whether this channel may be the reason */
  refuse(reason: string): boolean;
  /** The client was closed. */
  end(): void;
}

/** Whether the server subscribes every connection to this channel: `all`, and the user's own channel. */
export function isAuto(name: string): boolean {
  return /^(all$|@)/.test(name);
}

export function makeFeed(name: string, { getState, since, schema }: ChannelOptions, context: FeedContext): Feed {
  const { outbox, send, environment, schedule } = context;
  const progress = new Progress();
  const events = makeEmitter<ChannelEvents>();
  let isJoined = false;
  /** The subscribe command that is not answered yet, or was refused. */
  let askedRef: Ref | undefined;
  /** A handshake or command with this channel was refused. Later handshakes leave it out, so that the others are accepted. */
  let isRefused = false;
  /** Whether the state is loaded; true if there is no `getState`. */
  let isLoaded = !getState;
  /** The state was just loaded, and it is not known yet whether the stream continues from its position. */
  let isFresh = false;
  /** How often in a row loading failed, or the loaded state was already out of date. */
  let failures = 0;
  /** Runs until the state is loaded again. */
  let timer: Timer | undefined;
  /** Makes the running `load` fail; undefined while none is running. */
  let stop: ((error: Error) => void) | undefined;
  /** Undefined without a handler for presence. */
  let presence: PresenceView | undefined;
  if (typeof since === "object") progress.reached = since;

  function emitError(error: ClientError): void {
    events.emit("error", error);
  }

  function emitFailure(code: ClientErrorCode, cause: unknown): void {
    emitError(new ClientError(code, `${cause}`, cause));
  }

  function reconcile(): boolean {
    watchPresence();
    const isWanted = events.has();
    if (isWanted && isLoaded) join();
    else {
      const wasAsked = isJoined || askedRef;
      forget();
      if (wasAsked && !isAuto(name)) send({ type: "unsubscribe", channel: name });
      if (isWanted) void load();
    }
    return isWanted;
  }

  function join(): void {
    if (!context.isConnected || isJoined || askedRef || (isRefused && context.transport === "sse")) return;
    const from = progress.reached ?? since;
    // The server has already subscribed this connection, but from another position than this feed needs.
    if (from && isAuto(name)) send({ type: "unsubscribe", channel: name });
    askedRef = outbox.put(
      { type: "subscribe", channel: name, since: from },
      (frame) => {
        confirm(frame as Joined);
        watchPresence();
        if (!isLoaded) schedule();
      },
      (error) => {
        isRefused = true;
        emitError(error);
      },
    );
  }

  function forget(): void {
    presence?.stop();
    outbox.drop(askedRef);
    isJoined = false;
    presence = askedRef = undefined;
  }

  function confirm({ offset, from, reason, epoch }: Joined): void {
    const count = typeof since === "string" && Number(since.slice(5));
    // A handshake cannot ask for the last N of one channel. It requested the whole history, so skip the rest.
    const first = count && !progress.reached ? Math.max(from, offset + 1 - count) : from;
    const wasFresh = isFresh;
    isJoined = true;
    isRefused = isFresh = false;
    askedRef = undefined;
    reportGap(progress.skip(first - 1, reason, epoch), wasFresh);
  }

  function reportGap(gap: Gap | undefined, wasFresh = false): void {
    if (!gap) return;
    // If the history does not reach back to a state that was just loaded, loading it once more would not help.
    if (getState && !wasFresh) isLoaded = false;
    events.emit("gap", gap);
  }

  function watchPresence(): void {
    const isWanted = isJoined && events.has("presence");
    if (isWanted === !!presence) return;
    presence?.stop();
    presence = isWanted
      ? context.loadedPresence()?.(name, outbox.put, environment.clock, (it) => events.emit("presence", it), emitError)
      : undefined;
  }

  async function load(): Promise<void> {
    if (stop) return;
    try {
      const limit = new Promise<never>((_, reject) => {
        stop = reject;
        timer = environment.clock.setTimeout(() => reject(new Error("getState does not answer")), stateMs);
      });
      const state = await Promise.race([getState?.(), limit]);
      progress.reached = state?.position;
      isLoaded = isFresh = true;
      events.emit("state", state?.data);
    } catch (cause) {
      if (!context.isOver) emitFailure("no-state", cause);
    }
    stop = undefined;
    timer?.cancel();
    if (isLoaded) reconcile();
    else if (!context.isOver) timer = retry(environment, reconcile, failures++);
  }

  function deliver(message: WireMessage): void {
    const { offset, data } = message;
    if (!isJoined) return;
    if (offset) {
      if (!(offset > (progress.reached?.offset ?? 0))) return;
      reportGap(progress.skip(offset - 1));
      progress.skip(offset);
    }
    try {
      events.emit("message", { ...message, data: checkData(schema, data) });
    } catch (cause) {
      emitFailure("invalid-data", cause);
    }
  }

  return {
    get position() {
      return progress.reached;
    },
    on: events.on,
    reconcile,
    describe() {
      const isNamedOnly = isAuto(name) || context.transport === "sse";
      // "_" is never the epoch of a channel: a position with it asks for the whole history.
      const position = progress.reached ?? (since && isNamedOnly ? { epoch: "_", offset: 0 } : undefined);
      if (!isLoaded || isRefused || (since && !position)) return undefined;
      return position ? cursorPart(name, position) : "";
    },
    forget,
    welcome(joined) {
      if (isLoaded) confirm(joined);
    },
    receive(frame) {
      if (frame.type === "presence") {
        if ("event" in frame) presence?.receive(frame);
      } else if (frame.type === "message") deliver(frame);
      else if (frame.type === "advance") progress.skip(frame.offset);
      else if ("to" in frame && isJoined) reportGap(progress.skip(frame.to, frame.reason, frame.epoch));
      if (!isLoaded) schedule();
    },
    refuse(reason) {
      if (context.isConnected && isJoined) return false;
      isRefused = true;
      if (context.transport === "sse") emitError(new ClientError("forbidden", reason));
      return true;
    },
    end() {
      forget();
      timer?.cancel();
      stop?.(new Error("closed"));
      events.emit("end", undefined);
    },
  };
}
