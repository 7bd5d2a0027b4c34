import type { Position } from "../../../protocol/position.ts";
import type { ClientPlan } from "../plan.ts";
import type { ClientHost, Link } from "./link.ts";

/** A client of the simulation: the SDK or a plain client. */
export interface Subscriber {
  readonly plan: ClientPlan;
  readonly host: ClientHost;
  /** Its open connections. */
  readonly links: readonly Link[];
  readonly isConnected: boolean;
  /** It will not reconnect. */
  readonly hasEnded: boolean;
  /** Close code and reason of its last connection. */
  readonly endedWith: string;
  /** Whether its last handshake had `takes_over`. Before the first welcome it has no resume key. */
  readonly sentTakesOver: boolean;
  /** Publications that are not acknowledged yet. */
  readonly unsettled: number;
  /** Notices of clients that joined or left. */
  notices: number;
  start(): void;
  positionOf(channel: string): Position | undefined;
  publish(channel: string, id: string, message: string): void;
  leave(): void;
  wake(): void;
}
