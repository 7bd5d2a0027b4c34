import type { ChannelName } from "../../../protocol/channel-name.ts";
import { type ErrorCode, ServiceError } from "../../../protocol/errors.ts";
import type { GapReason } from "../../../protocol/frames.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Publication } from "../../../protocol/publication.ts";
import type { ChannelSummary } from "../log.ts";
import type { Delivery, OwnDelivery, Receipt } from "./publication-fields.ts";

/**
 * The protocol between host and workers. Its number changes with any change below. Workers and hosts with different numbers
 * never communicate, so neither side validates messages.
 */
export const ipcProtocol = "fanfare-broker/7";

/** Requests of a worker, besides drafts. All except `unlisten` are answered, with the same number. */
export type Question =
  | { readonly verb: "listen"; readonly n: number; readonly channel: ChannelName; readonly publisher: string | null }
  /** After a reconnect: all channels that the worker listens to. Their tops are compared later. */
  | { readonly verb: "listen-again"; readonly n: number; readonly channels: readonly ChannelName[] }
  | { readonly verb: "unlisten"; readonly channel: ChannelName }
  | {
      readonly verb: "history";
      readonly n: number;
      readonly channel: ChannelName;
      readonly since: Since;
      readonly limit: number;
      readonly maxBytes: number;
      readonly publisher: string | null;
    }
  | {
      readonly verb: "tops";
      readonly n: number;
      readonly channels: readonly ChannelName[];
      readonly seen: readonly (readonly [ChannelName, Position])[] | null;
    }
  | { readonly verb: "summary"; readonly n: number; readonly channel: ChannelName }
  | {
      readonly verb: "list";
      readonly n: number;
      readonly prefix: string;
      readonly after: string;
      readonly limit: number;
    };

/** The host's answer to question `n`. */
export type Answer =
  | Receipt
  | OwnDelivery
  /** In any order, since each top names its channel. */
  | { readonly verb: "tops"; readonly n: number; readonly tops: readonly (readonly [ChannelName, Position])[] }
  /** Parts of a long history, sent before `history`, oldest first. */
  | { readonly verb: "history-part"; readonly n: number; readonly publications: readonly Publication[] }
  | {
      readonly verb: "history";
      readonly n: number;
      readonly top: Position;
      readonly gap: GapReason | null;
      readonly publications: readonly Publication[];
    }
  | { readonly verb: "summary"; readonly n: number; readonly summary: ChannelSummary | null }
  | { readonly verb: "list"; readonly n: number; readonly summaries: readonly ChannelSummary[] }
  | { readonly verb: "done"; readonly n: number }
  | ({ readonly verb: "refused"; readonly n: number } & Refusal);

/** Messages that the host sends unasked. The first one is `health`. */
export type HostNotification =
  | Delivery
  | { readonly verb: "health"; readonly healthy: boolean }
  /** The connection of the host's own broker broke and was restored: deliveries may be missing. */
  | { readonly verb: "break" }
  /** A channel that the worker listens to has a new epoch. */
  | { readonly verb: "reset"; readonly channel: ChannelName; readonly top: Position };

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly field: string | null;
  readonly retryAfterMs: number | null;
}

/** A request that arrived as text. */
export function parseQuestion(text: string): Question {
  return JSON.parse(text) as Question;
}

/** An answer or notification that arrived as text. */
export function parseAnswer(text: string): Exclude<Answer | HostNotification, Receipt | OwnDelivery | Delivery> {
  return JSON.parse(text) as ReturnType<typeof parseAnswer>;
}

/** The tops in an answer, by channel. */
export function topsOf(answer: Answer): ReadonlyMap<ChannelName, Position> | undefined {
  return answer.verb === "tops" ? new Map(answer.tops) : undefined;
}

export function toRefusal({ code, message, field, retryAfterMs }: ServiceError): Refusal {
  return { code, message, field: field ?? null, retryAfterMs: retryAfterMs ?? null };
}

export function toServiceError({ code, message, field, retryAfterMs }: Refusal): ServiceError {
  return new ServiceError(code, message, {
    ...(field === null ? {} : { field }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
}

/** The error for a request that may or may not have taken effect. */
export function hostUnavailable(reason: string): ServiceError {
  return new ServiceError("broker-unavailable", `${reason}; retry with the same id`);
}
