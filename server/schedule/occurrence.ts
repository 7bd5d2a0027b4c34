import type { ErrorCode } from "../../protocol/errors.ts";
import type { JsonText } from "../../protocol/publication.ts";

/** One occurrence to publish. */
export interface Occurrence {
  /** See `Definition.publish`. */
  readonly publish: JsonText;
  /** The id of the publication in each of its channels. */
  readonly id: string;
  /** Whether an id in the request takes its place. Not for a trigger: that id belongs to the occurrence at its time. */
  readonly allowsOwnId: boolean;
  /** The targets to publish to, by their index in the request; null: all. */
  readonly only: readonly number[] | null;
}

/** The result. */
export interface PublishOutcome {
  /** Targets of the request. */
  readonly total: number;
  /** Targets that may not have it, and may get it later. */
  readonly remaining: readonly number[];
  /** Targets that refused it for good. */
  readonly failed: number;
  /** The first failure. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
}

/** Publishes an occurrence; publishing it again with the same id stores nothing twice. Never rejects for a ServiceError. */
export type PublishOccurrence = (occurrence: Occurrence) => Promise<PublishOutcome>;
