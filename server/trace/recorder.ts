import { getLogger } from "@logtape/logtape";
import { present } from "../../protocol/codec.ts";
import type { ErrorCode, ServiceError } from "../../protocol/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { LogRate } from "../limits/log-rate.ts";
import { Feed } from "./feed.ts";
import { Journal } from "./journal.ts";
import type { Refusal } from "./records.ts";

/** Looked up once: finding a logger by name takes longer than the call. */
const log = getLogger(["fanfare", "refusals"]);

/** Mostly from programs that try paths at random. Logged at DEBUG only. */
const quietCodes: readonly ErrorCode[] = ["not-found", "method-not-allowed"];

/** Records the events of a worker: for traces, for live tails, and in the log. */
export class Recorder {
  readonly journal: Journal;
  readonly feed: Feed;
  readonly #rate: LogRate;
  readonly #recorded = new WeakSet<ServiceError>();

  constructor(clock: Clock) {
    this.journal = new Journal(clock);
    this.feed = new Feed(clock);
    this.#rate = new LogRate(clock);
  }

  /**
   * Logs a refusal: at INFO the reason and the address, at most ten lines per second; at DEBUG always, with the channel and
   * the user.
   * @param error is thrown to the caller, which can check `isRecorded`
   */
  refused(refusal: Refusal, error?: ServiceError): void {
    if (error !== undefined) this.#recorded.add(error);
    this.journal.refused(refusal);
    const { action, remote, code, reason, connection, user, channel, id } = refusal;
    if (this.feed.isWatched) {
      this.feed.report({ kind: "refused", action, remote, code, reason, connection, user, channel, id });
    }
    if (log.isEnabledFor("debug")) {
      const about = present({ connection, user, channel });
      const names = Object.keys(about).map((name) => `${name} {${name}}`);
      const end = names.length === 0 ? "" : ` (${names.join(", ")})`;
      log.debug(`Refused {action} from {remote}: {code}: {reason}${end}`, { action, remote, code, reason, ...about });
    }
    if (!quietCodes.includes(code)) this.#logAtInfo(refusal);
  }

  isRecorded(error: ServiceError): boolean {
    return this.#recorded.has(error);
  }

  #logAtInfo({ action, remote, code, reason }: Refusal): void {
    const leftOut = this.#rate.take();
    if (leftOut === undefined) return;
    const text = "Refused {action} from {remote}: {code}: {reason}";
    const more = leftOut === 0 ? "" : " ({leftOut} more were not logged)";
    log.info(text + more, { action, remote, code, reason, leftOut });
  }
}
