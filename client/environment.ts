import { type Clock, makeSystemClock } from "./clock.ts";
import type { Transport } from "./transport.ts";
import { makeWebSocket } from "./websocket.ts";

export type TransportName = "websocket" | "sse";

/** What the SDK is given by its environment, passed in so that a test can replace it. */
export interface ClientEnvironment {
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
  readonly transports: Readonly<Record<TransportName, () => Transport | Promise<Transport>>>;
  /** False only if the runtime knows that there is no network. */
  isOnline(): boolean;
  /** Calls `wake` when the machine may have slept or changed its network. @returns stops that */
  onWake(wake: () => void): () => void;
}

/** The parts of a browser's global object that may be missing in Node and Bun. */
interface Scope {
  readonly navigator?: { readonly onLine?: boolean };
  readonly addEventListener?: (name: string, listener: () => void) => void;
  readonly removeEventListener?: (name: string, listener: () => void) => void;
}

const scope = globalThis as Scope;

export const systemEnvironment: ClientEnvironment = {
  clock: makeSystemClock(),
  random: Math.random,
  // Few networks block WebSockets, so the event stream is loaded only when needed.
  transports: { websocket: makeWebSocket, sse: async () => (await import("./sse.ts")).makeSse() },
  isOnline: () => scope.navigator?.onLine !== false,
  onWake(wake) {
    // A page that was frozen, hidden or kept in the back/forward cache. `visibilitychange` bubbles up from the document.
    const names = ["online", "offline", "pageshow", "visibilitychange"];
    const all = (verb: "addEventListener" | "removeEventListener") => {
      for (const name of names) scope[verb]?.(name, wake);
    };
    all("addEventListener");
    return () => all("removeEventListener");
  },
};
