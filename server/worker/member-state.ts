import { hostname } from "node:os";
import type { MemberState } from "../cluster/cluster.ts";
import type { Settings } from "../config/settings.ts";

/** The node's name in the cluster. It contains the port, because several servers may run on one machine. */
export function nodeName({ port }: Pick<Settings, "port">): string {
  return `${hostname()}:${port}`;
}

/** The state that a process of this name announces when it joins the cluster. */
export function stateOf(name: string): MemberState {
  return { name, pid: process.pid, isDraining: false };
}
