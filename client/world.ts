import { type Clock, systemClock } from "./clock.ts";
import type { Transport } from "./transport.ts";
import { openWebSocket } from "./websocket.ts";

export type TransportName = "websocket" | "sse";

/** What lies outside of the SDK, handed in so that a test can play it. */
export interface World {
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
  readonly transports: Readonly<Record<TransportName, () => Transport | Promise<Transport>>>;
  /** False only where the runtime knows that there is no network. */
  isOnline(): boolean;
  /** Calls when the machine may have slept, or its network changed. @returns stops that */
  onWake(wake: () => void): () => void;
}

/** The parts of a browser's global object that Node and Bun may lack. */
interface Scope {
  readonly navigator?: { readonly onLine?: boolean };
  readonly addEventListener?: (name: string, listener: () => void) => void;
  readonly removeEventListener?: (name: string, listener: () => void) => void;
}

const scope = globalThis as Scope;

export const realWorld: World = {
  clock: systemClock,
  random: Math.random,
  // Few networks let no WebSocket through: the other half of the SDK is loaded there only.
  transports: { websocket: () => openWebSocket, sse: async () => (await import("./sse.ts")).openSse },
  isOnline: () => scope.navigator?.onLine !== false,
  onWake(wake) {
    // A page that was frozen, hidden or kept for the back button; `visibilitychange` bubbles up from the document.
    const names = ["online", "offline", "pageshow", "visibilitychange"];
    const all = (verb: "addEventListener" | "removeEventListener") => {
      for (const name of names) scope[verb]?.(name, wake);
    };
    all("addEventListener");
    return () => all("removeEventListener");
  },
};
