import type { LeaseRequest, RecordPage, RecordQuery, RecordWrite, WriteOutcome } from "../schedule-store.ts";

/**
 * The protocol between host and workers. Its number changes with any change below. Workers and hosts with different numbers
 * never communicate, so neither side validates messages.
 */
export const scheduleProtocol = "fanfare-schedules/1";

/** Messages of a worker. Each is answered, with the same number. */
export type WorkerMessage =
  | { readonly verb: "read"; readonly n: number; readonly query: RecordQuery }
  | { readonly verb: "write"; readonly n: number; readonly writes: readonly RecordWrite[]; readonly token?: number }
  | { readonly verb: "lease"; readonly n: number; readonly request: LeaseRequest };

/** The host's answer to message `n`. */
export type Answer =
  | { readonly verb: "page"; readonly n: number; readonly page: RecordPage }
  | { readonly verb: "outcomes"; readonly n: number; readonly outcomes: readonly WriteOutcome[] }
  /** An undefined token is left out. */
  | { readonly verb: "leased"; readonly n: number; readonly token?: number; readonly expiresInMs: number }
  | { readonly verb: "refused"; readonly n: number; readonly reason: string };

export type HostMessage =
  | Answer
  /** The first message. */
  | { readonly verb: "welcome"; readonly isDurable: boolean }
  | { readonly verb: "due"; readonly dueAt: number }
  | { readonly verb: "free" };
