import type { ChannelAccess } from "../channels/rule.ts";
import type { ChannelGap, Coverage, Departure, Note } from "./records.ts";

/** The publication that is asked about. */
export interface TracedPublication {
  readonly channel: string;
  readonly epoch: string;
  readonly offset: number;
  readonly id?: string;
  /** The connection that must not receive it. */
  readonly excluded?: string;
}

/** An open connection's place in the channel. */
export interface MembershipFacts extends Coverage {
  readonly joinedTime: number;
  /** Whether it continued from a position: completely, or with a gap. Undefined: it began with live messages. */
  readonly recovered?: boolean;
  /** The last offset that this worker sent to connections that keep up, and the last one it has. */
  readonly flushed: number;
  readonly head: number;
}

/** The part of the channel's rules that decides who may subscribe. */
export interface SubscribeRule {
  /** The pattern of the rule in the settings file; undefined for the default. */
  readonly match?: string;
  readonly subscribe: ChannelAccess | "hook";
}

/**
 * The facts that one worker has about one of its connections and the channel. JSON values only. All times are of the wall
 * clock here, milliseconds since 1970: other workers have other monotonic clocks.
 */
export interface ConnectionFacts {
  readonly connection: string;
  readonly user?: string;
  readonly remote: string;
  readonly connectedTime: number;
  readonly membership?: MembershipFacts;
  readonly bufferedBytes: number;
  readonly isFull: boolean;
  readonly notes: readonly Note[];
  /** Gaps of the whole channel. */
  readonly gaps: readonly ChannelGap[];
  readonly rule: SubscribeRule;
  /** Why it may not subscribe now. */
  readonly forbidden?: string;
  /** Set for a connection that has ended; then there is no membership. */
  readonly ended?: Pick<Departure, "at" | "closed" | "wasFull"> & { readonly coverage?: Coverage };
}
