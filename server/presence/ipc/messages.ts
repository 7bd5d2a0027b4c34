import type { ChannelName } from "../../../protocol/channel-name.ts";
import type {
  PresenceChange,
  PresencePage,
  PresencePageRequest,
  PresencePosition,
  PresenceUpdate,
} from "../presence-store.ts";

/** The protocol between workers and their host. Its number changes with anything below. */
export const presenceProtocol = "fanfare-presence/4";

/** Sooner than by default, so that the presences of a worker that hangs do not remain much longer than those of a dead one. */
export const presencePulse = { beatMs: 2000, maxSilentBeats: 3 };

/** Messages from a worker. The answer repeats `n`. */
export type WorkerMessage =
  /** First on each link. `returns`: the worker was connected before, so its presences must be somewhere. */
  | { readonly verb: "hello"; readonly owner: string; readonly returns: boolean }
  | {
      readonly verb: "apply";
      readonly n: number;
      readonly channel: ChannelName;
      readonly changes: readonly PresenceChange[];
      /** See PresenceStore. */
      readonly size: number;
    }
  | { readonly verb: "watch"; readonly n: number; readonly channel: ChannelName }
  | { readonly verb: "unwatch"; readonly channel: ChannelName }
  | { readonly verb: "read"; readonly n: number; readonly channel: ChannelName; readonly page: PresencePageRequest };

/** Messages from the host. */
export type HostMessage =
  /** Answers `hello`. `isKnown`: the worker's presences are still here. */
  | { readonly verb: "welcome"; readonly isKnown: boolean }
  /** Answers `apply`. `update`: the events that it caused. `unlisted`: the connections that are not listed. */
  | {
      readonly verb: "done";
      readonly n: number;
      readonly update?: PresenceUpdate;
      readonly unlisted: readonly string[];
    }
  | { readonly verb: "position"; readonly n: number; readonly position: PresencePosition }
  | { readonly verb: "page"; readonly n: number; readonly page: PresencePage }
  /** The host has lost its data and waits until the workers have sent theirs. */
  | { readonly verb: "incomplete"; readonly n: number; readonly forMs: number }
  /** All workers have sent their presences again: positions may have changed without an event. */
  | { readonly verb: "check" }
  | { readonly verb: "events"; readonly channel: ChannelName; readonly update: PresenceUpdate }
  /** The events that are announced because a worker is gone. One of the other workers gets this. */
  | { readonly verb: "caused"; readonly channel: ChannelName; readonly update: PresenceUpdate };

/** The answers to messages with a number. Fields that are undefined are absent in JSON, and read as undefined again. */
export type Answer = Extract<HostMessage, { readonly n: number }>;
