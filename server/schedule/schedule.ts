import { createHash } from "node:crypto";
import type { ErrorCode } from "../../protocol/errors.ts";
import type { JsonText } from "../../protocol/publication.ts";

/** When a schedule fires. Times are milliseconds since 1970. */
export type Timing =
  | { readonly kind: "at"; readonly at: number }
  /** Once, this long after the revision was made. */
  | { readonly kind: "delay"; readonly delayMs: number }
  /** At multiples of the interval since the start time, or since this revision was made. */
  | { readonly kind: "every"; readonly everyMs: number }
  | { readonly kind: "cron"; readonly expression: string; readonly tz: string };

/** Which of the occurrences are published that were missed during an outage; see `CatchUp` in docs/schedules.md. */
export type CatchUp = "skip" | "last" | "all";

/** The publication of a schedule, and its times. Two equal definitions are the same revision. */
export interface Definition {
  /** The body of a `POST /v1/publish`, as the text that was received, so that 64-bit numbers survive. */
  readonly publish: JsonText;
  readonly timing: Timing;
  /** Each occurrence is published up to this much after its time. */
  readonly jitterMs: number;
  readonly maxRuns: number | null;
  readonly startsAt: number | null;
  readonly endsAt: number | null;
  readonly catchUp: CatchUp;
  /** An occurrence that is later than this is not published any more. */
  readonly catchUpWindowMs: number;
}

/** Who made a schedule. Those of the settings are changed there, not over HTTP. */
export type Origin = "api" | "file" | "setting";

/** One schedule with its state, as it is stored. JSON values only. */
export interface Schedule {
  readonly id: string;
  /** Random, so that a schedule that is deleted and made again does not repeat the ids of its publications. */
  readonly life: string;
  /** Grows by one with each change of the definition. */
  readonly revision: number;
  readonly origin: Origin;
  readonly definition: Definition;
  readonly createdAt: number;
  /** When this revision was made. */
  readonly updatedAt: number;
  readonly isPaused: boolean;
  /** Occurrences of this revision that were published, or given up. */
  readonly runs: number;
  /** The time of the next occurrence, without jitter; null if there is none. */
  readonly next: number | null;
  /** The occurrence that is being published; null between two. */
  readonly firing: Firing | null;
  readonly last: LastRun | null;
  /** When the last occurrence was over; null while there are further ones. */
  readonly finishedAt: number | null;
}

/** An occurrence whose publication has begun and is not known to be over. */
export interface Firing {
  readonly nominal: number;
  /** The scheduler that began it, and its fencing token. */
  readonly by: string;
  readonly token: number;
  /** When it was begun for the first time. */
  readonly since: number;
  readonly attempts: number;
  /** The targets that do not have it yet, by their index in the request; null: all. */
  readonly remaining: readonly number[] | null;
  /** Targets that refused it for good. */
  readonly failed: number;
}

/** `missed`: later than the catch-up window. `unknown`: interrupted, and it cannot be known whether it was published. */
export type RunResult = "published" | "failed" | "missed" | "unknown";

/** The result of the last occurrence. */
export interface LastRun {
  readonly nominal: number;
  /** When it was over. */
  readonly firedAt: number;
  readonly result: RunResult;
  /** Publications that were stored. */
  readonly published: number;
  /** The first failure. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
}

/** Times that have passed by no more than this still fire: a client's clock may be ahead, or its request took some time. */
export const justPassedMs = 60_000;

/** How long a finished schedule stays visible, milliseconds. */
export const finishedMs = 3_600_000;

/**
 * The id of an occurrence, which is the id of its publication: `nightly:9fK2:3:2026-11-29T09:00:00.000Z`. Every
 * attempt to publish it uses this id, in every process.
 */
export function occurrenceId({ id, life, revision }: Schedule, nominal: number): string {
  return `${id}:${life}:${revision}:${new Date(nominal).toISOString()}`;
}

/** The id of a publication outside the times of the schedule. @param key the same key publishes once */
export function triggerId({ id, life, revision }: Schedule, key: string): string {
  // A key may be too long for the id of a publication.
  return `${id}:${life}:${revision}:trigger:${createHash("sha256").update(key).digest("base64url").slice(0, 22)}`;
}
