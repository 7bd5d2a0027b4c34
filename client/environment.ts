import { decodeServerFrames } from "../protocol/client-codec.ts";
import { type Clock, makeSystemClock } from "./clock.ts";
import { cursorPart } from "./cursor.ts";
import type { MakePresence } from "./presence.ts";
import type { Transport } from "./transport.ts";
import { makeWebSocket } from "./websocket.ts";

export type TransportName = "websocket" | "sse";

/** The runtime as the SDK uses it, passed in so that a test can replace it. */
export interface ClientEnvironment {
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
  readonly transports: Readonly<Record<TransportName, () => Transport | Promise<Transport>>>;
  /** Called when a channel gets its first handler for presence. A failed call is repeated. */
  presence(): Promise<MakePresence>;
  /** False only if the runtime knows that there is no network. */
  isOnline(): boolean;
  /** Calls `wake` when the machine may have slept or changed its network. @returns stops that */
  onWake(wake: () => void): () => void;
}

/** The parts of a browser's global object that may be missing in Node and Bun. */
interface Scope {
  readonly navigator?: { readonly onLine?: boolean };
  readonly addEventListener?: (name: string, listener: () => void, options: { readonly signal: AbortSignal }) => void;
}

const scope = globalThis as Scope;

export const systemEnvironment: ClientEnvironment = {
  clock: makeSystemClock(),
  random: Math.random,
  // Few networks block WebSockets, and few pages show who is present, so both are loaded only when needed. The two files
  // import nothing that the core contains: bundlers would move what they share into a file that every page loads.
  transports: {
    websocket: makeWebSocket,
    sse: async () => (await import("./sse.ts")).makeSse(decodeServerFrames, cursorPart),
  },
  presence: async () => (await import("./presence.ts")).makePresence,
  isOnline: () => scope.navigator?.onLine !== false,
  onWake(wake) {
    // A page that was frozen, hidden or kept in the back/forward cache. `visibilitychange` bubbles up from the document.
    const listening = new AbortController();
    for (const name of ["online", "offline", "pageshow", "visibilitychange"])
      scope.addEventListener?.(name, wake, listening);
    return () => listening.abort();
  },
};
