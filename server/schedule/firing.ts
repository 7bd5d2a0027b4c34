import { getLogger } from "@logtape/logtape";
import { ServiceError } from "../../protocol/errors.ts";
import { backoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import type { PublishOccurrence, PublishOutcome } from "./occurrence.ts";
import { afterOccurrence, deadlineOf, plan, retryUntil, type Step } from "./plan.ts";
import { parseRecord, type Versioned, writeOf } from "./record-text.ts";
import { type Firing as FiringState, type LastRun, occurrenceId, type Schedule } from "./schedule.ts";
import type { RecordWrite, ScheduleStore, StoredRecord, WriteOutcome } from "./schedule-store.ts";
import type { NextTimes } from "./timing/next-times.ts";

/**
 * How long an occurrence may be published after its begin was stored: milliseconds, and a share of the idempotency window.
 * A process that was suspended for longer publishes nothing: another process may have published the occurrence so long ago
 * that its id is forgotten.
 */
const publishWithinMs = 5000;
const windowShare = 0.25;
const retries = { firstMs: 500, maxMs: 5000 };
const maxUntried = 10_000;
/** Characters of an error message that are kept with a schedule. */
const maxMessage = 300;

export interface FiringOptions {
  readonly store: Pick<ScheduleStore, "write">;
  readonly publish: PublishOccurrence;
  readonly clock: Clock;
  readonly times: NextTimes;
  /** How long the broker remembers the id of a publication, milliseconds. */
  readonly idWindowMs: number;
  /** Identifies this scheduler. */
  readonly holder: string;
  readonly random: () => number;
}

/** An occurrence whose begin is stored. */
interface Begun extends Versioned {
  readonly firing: FiringState;
}

/**
 * Fires due schedules: records that an occurrence begins, publishes it, and records the result.
 *
 * A process that is interrupted between the two leaves an occurrence that is firing. It is published again with the same id,
 * which the broker stores once, as long as the broker remembers ids. After that it is given up as `unknown`.
 */
export class Firing {
  readonly #options: FiringOptions;
  /**
   * Ids of occurrences whose begin was sent to the store, and that were not tried after it: the store did not answer. Without
   * them an outage of the store that is longer than the idempotency window would leave them `unknown`.
   */
  readonly #untried = new Set<string>();

  constructor(options: FiringOptions) {
    this.#options = options;
  }

  /**
   * @returns whether the lease was held; false: nothing was changed
   * @throws ServiceError "broker-unavailable" if the store cannot be reached
   */
  async fire(records: readonly StoredRecord[], token: number): Promise<boolean> {
    const { clock, store, idWindowMs } = this.#options;
    const beganAt = clock.monotonic();
    const steps = records.map((record) => this.#step(record, token));
    const outcomes = await store.write(
      steps.map(({ write }) => write),
      token,
    );
    if (outcomes.some(({ outcome }) => outcome === "fenced")) return false;
    const begun = steps.flatMap(({ begun }, at) => withVersion(begun, outcomes[at]));
    // Checked in the same turn in which it is published.
    if (clock.monotonic() - beganAt > Math.min(publishWithinMs, idWindowMs * windowShare)) return true;
    const over = await Promise.all(begun.map((it) => this.#publish(it)));
    await this.#record(over, token);
    return true;
  }

  #step(record: StoredRecord, token: number): { readonly write: RecordWrite; readonly begun?: Omit<Begun, "version"> } {
    const { clock, times, idWindowMs, holder: by } = this.#options;
    const found = parseRecord(record);
    const { id, version } = record;
    if (found === undefined) {
      log().error("The schedule {id} cannot be read, and no longer fires", { id });
      return { write: { id, expected: version, record: { dueAt: null, text: record.text } } };
    }
    const { schedule } = found;
    const isUntried = (it: Schedule, nominal: number) => this.#untried.has(occurrenceId(it, nominal));
    const step: Step = plan(schedule, { now: clock.now(), times, idWindowMs, by, token, isUntried });
    if (step.step === "remove") return { write: { id, expected: version, record: null } };
    if (step.step === "change") {
      logMissed(schedule, step.schedule);
      return { write: writeOf(step.schedule, version) };
    }
    const { firing } = step;
    if (schedule.firing === null) this.#markUntried(occurrenceId(schedule, firing.nominal));
    const begun = { ...schedule, firing };
    return { write: writeOf(begun, version), begun: { schedule: begun, firing } };
  }

  async #publish({ schedule, version, firing }: Begun): Promise<RecordWrite> {
    const { clock, publish, times, idWindowMs, random } = this.#options;
    const id = occurrenceId(schedule, firing.nominal);
    this.#untried.delete(id);
    const request = schedule.definition.publish;
    const outcome = await publish({ publish: request, id, allowsOwnId: true, only: firing.remaining }).catch(asFailure);
    const now = clock.now();
    const failed = firing.failed + outcome.failed;
    const until = Math.min(deadlineOf(schedule, firing.nominal), retryUntil(firing, idWindowMs));
    if (outcome.remaining.length > 0 && now < until) {
      const waiting = { ...schedule, firing: { ...firing, remaining: outcome.remaining, failed } };
      return writeOf(waiting, version, now + backoff(firing.attempts, retries, random()));
    }
    const last = lastRun(firing.nominal, now, { ...outcome, failed });
    if (last.result === "failed") logFailed(schedule, last);
    return writeOf(afterOccurrence(schedule, last, times), version);
  }

  /**
   * Records the results of occurrences, even after the lease was lost: their versions show whether another scheduler
   * already did.
   */
  async #record(writes: readonly RecordWrite[], token: number): Promise<void> {
    const { store } = this.#options;
    if (writes.length === 0) return;
    const outcomes = await store.write(writes, token);
    if (outcomes.some(({ outcome }) => outcome === "fenced")) await store.write(writes);
  }

  #markUntried(id: string): void {
    // Forgetting one only means that it may end as `unknown`.
    if (this.#untried.size >= maxUntried) this.#untried.clear();
    this.#untried.add(id);
  }
}

function withVersion(begun: Omit<Begun, "version"> | undefined, outcome: WriteOutcome | undefined): readonly Begun[] {
  // A conflict means that the schedule was changed. The next check reads the new version.
  return begun !== undefined && outcome?.outcome === "written" ? [{ ...begun, version: outcome.version }] : [];
}

/** A definition that cannot be published although it was checked when it was made. */
function asFailure(error: unknown): PublishOutcome {
  if (!(error instanceof ServiceError)) log().error("A schedule could not be published: {error}", { error });
  const code = error instanceof ServiceError ? error.code : "internal";
  const message = error instanceof ServiceError ? error.message : "internal error: see the server's log";
  return { total: 1, remaining: [], failed: 1, error: { code, message } };
}

function lastRun(nominal: number, firedAt: number, { total, remaining, failed, error }: PublishOutcome): LastRun {
  const published = total - remaining.length - failed;
  return {
    nominal,
    firedAt,
    result: published > 0 ? "published" : "failed",
    published,
    error: error === null ? null : { ...error, message: error.message.slice(0, maxMessage) },
  };
}

function logFailed({ id }: Schedule, { nominal, error }: LastRun): void {
  const time = new Date(nominal).toISOString();
  log().warning("The schedule {id} was not published at {time}: {message}", { id, time, message: error?.message });
}

function logMissed({ id, last: before }: Schedule, { last }: Schedule): void {
  if (last === before || last === null) return;
  const time = new Date(last.nominal).toISOString();
  log().warning("The schedule {id} was not published at {time}: {result}", { id, time, result: last.result });
}

function log() {
  return getLogger(["fanfare", "schedule"]);
}
