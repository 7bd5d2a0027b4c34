import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import type { MeetingPlace } from "./backbone.ts";
import type { StopReceipt } from "./stop.ts";

/** What a supervisor says to a worker's process. */
export type Order =
  | { readonly verb: "start"; readonly assignment: Assignment }
  /** Wait for the clients to leave. */
  | { readonly verb: "drain" }
  /** Send the clients away within DRAIN_WINDOW. */
  | { readonly verb: "move" }
  /** Nobody is waited for any more. */
  | { readonly verb: "hurry" }
  /** Is it alive? */
  | { readonly verb: "ping" }
  /** Its last words were heard. */
  | { readonly verb: "leave" };

/** What a worker needs to begin. */
export interface Assignment {
  /** For people: `worker 2`. */
  readonly name: string;
  readonly settings: Settings;
  readonly meetingPlace: MeetingPlace;
  /** Whether a person at a terminal can press Ctrl+C. */
  readonly hasTerminal: boolean;
}

/** What a worker's process says to its supervisor. */
export type Report =
  /** It hears from now on: an order that came earlier would be lost. */
  | { readonly verb: "hello" }
  /** It is alive. */
  | { readonly verb: "pong" }
  | { readonly verb: "ready"; readonly address: ListeningAddress }
  | { readonly verb: "failed"; readonly message: string; readonly code: string | undefined }
  /** Somebody asked by HTTP that the whole server stops. */
  | { readonly verb: "drain-wanted" }
  | { readonly verb: "stopped"; readonly receipt: StopReceipt };
