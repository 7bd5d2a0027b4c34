import { getLogger } from "@logtape/logtape";
import type { Clock } from "../lib/clock.ts";
import { LogRate } from "./log-rate.ts";

/** One action, as the audit trail logs it. */
export interface AuditEntry {
  /**
   * The requested action: method and path, without the query, which may contain a token. Or `auth`, a new token for an open
   * connection. Or a signal and its effect, or the settings that changed.
   */
  readonly action: string;
  /**
   * `key 2` (its place in API_KEY), `user alice` (of an open connection), `a process`, `reload 3`, `unknown`. Never a
   * secret.
   */
  readonly who: string;
  /** The client's address, or `the control socket`, `this machine`, `the settings on disk`. */
  readonly from: string;
  /** `ok`, the HTTP status of the refusal, or why it had no effect. */
  readonly result: string;
}

/**
 * Logs actions and who performed them: refused credentials, everything that needs a key with the scope `admin`, signals,
 * and changed settings. One line each, in the category `fanfare.audit`.
 *
 * Each kind of entry is limited separately to ten lines per second: anyone can send wrong keys, and must not be able to hide
 * the actions of an operator. The next line of the same kind says how many were omitted.
 */
export class AuditTrail {
  readonly #rates: Readonly<Record<Kind, LogRate>>;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#rates = { done: new LogRate(clock), refused: new LogRate(clock), unauthorized: new LogRate(clock) };
  }

  record(entry: AuditEntry): void {
    const leftOut = this.#rates[kindOf(entry)].take();
    if (leftOut === undefined) return;
    const log = getLogger(["fanfare", "audit"]);
    const text = "Audit: {action} by {who} from {from}: {result}";
    const line = leftOut === 0 ? text : `${text} ({leftOut} more were not logged)`;
    if (entry.result === "ok") log.info(line, { ...entry, leftOut });
    else log.warning(line, { ...entry, leftOut });
  }
}

/** `refused`: to a valid key, or to an operator. `unauthorized`: to a caller without a valid key, which may be anyone. */
type Kind = "done" | "refused" | "unauthorized";

function kindOf({ who, result }: AuditEntry): Kind {
  if (result === "ok") return "done";
  return who === "unknown" || who.startsWith("user ") ? "unauthorized" : "refused";
}
