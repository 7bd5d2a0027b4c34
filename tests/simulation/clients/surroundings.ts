import type { Position } from "../../../protocol/position.ts";
import type { History } from "../history.ts";
import type { Process } from "../process.ts";
import type { SimNode } from "../sim-node.ts";
import type { Route } from "../wire.ts";

/** The city, as its clients see it. */
export interface Surroundings {
  readonly history: History;
  /** The network between backends and servers. */
  readonly backendRoute: Route;
  /** Where the load balancer sends a connection. */
  pickNode(from: Process): SimNode;
  /** Something was begun that has to come to an end. @returns to be called then */
  expectSettled(what: string, process: Process): () => void;
  /** Whether the history of a channel still holds this offset. */
  isKept(channel: string, position: Position): boolean;
  /** Redis may hold less or more than it did a moment ago: whether gaps are justified cannot be told. */
  readonly mayForget: boolean;
  /** Nothing is lost, so every epoch goes on. */
  /** Nodes are only rolled: clients move, and nobody leaves. */
  readonly onlyRolls: boolean;
  readonly keepsEpochs: boolean;
}
