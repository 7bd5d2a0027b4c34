import type { Position } from "../../../protocol/position.ts";
import type { History } from "../history.ts";
import type { Process } from "../process.ts";
import type { SimNode } from "../sim-node.ts";
import type { Route } from "../wire.ts";

/** The simulation, as its clients see it. */
export interface ClientContext {
  readonly history: History;
  /** The network between backends and servers. */
  readonly backendRoute: Route;
  /** The node to which the load balancer sends a connection. */
  pickNode(from: Process): SimNode;
  /** Records an operation that has to settle. @returns to be called when it has */
  expectSettled(what: string, process: Process): () => void;
  /** Whether the history of a channel still holds this offset. */
  isKept(channel: string, position: Position): boolean;
  /** Redis may lose data or its clock may jump, so it cannot be checked whether a gap is justified. */
  readonly mayForget: boolean;
  /** Redis loses nothing, so every epoch continues. */
  readonly keepsEpochs: boolean;
  /** Nodes are only rolled: clients move, and none leaves. */
  readonly onlyRolls: boolean;
}
