import type { Position } from "../../../protocol/position.ts";
import type { ClientPlan } from "../plan.ts";
import type { ClientLine, Link } from "./link.ts";

/** A client of the city, whatever it is made of. */
export interface Subscriber {
  readonly plan: ClientPlan;
  readonly line: ClientLine;
  /** Its connections, most of the time one. */
  readonly links: readonly Link[];
  readonly isConnected: boolean;
  /** It will not come back by itself. */
  readonly hasEnded: boolean;
  /** Code and reason of its last end. */
  readonly endedWith: string;
  /** Whether its last attempt to connect named the connection that it continues. Before the first welcome it knows of none. */
  readonly namesFormer: boolean;
  /** Publications that are not acknowledged yet. */
  readonly unsettled: number;
  /** Notices of who came and left that it got. */
  notices: number;
  start(): void;
  positionOf(channel: string): Position | undefined;
  publish(channel: string, id: string, message: string): void;
  leave(): void;
  wake(): void;
}
