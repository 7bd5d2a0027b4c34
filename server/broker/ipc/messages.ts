import type { ChannelName } from "../../../protocol/channel-name.ts";
import { type ErrorCode, ServiceError } from "../../../protocol/errors.ts";
import type { GapReason } from "../../../protocol/frames.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import type { Published } from "../broker.ts";
import type { ChannelSummary, HistoryRules } from "../log.ts";

/**
 * What host and workers speak. The number changes with anything below: a worker of one version never talks to a host of
 * another, so neither side checks what the other one wrote.
 */
export const ipcProtocol = "fanfare-broker/3";

/** What a worker asks; all but `unlisten` are answered, under the same number. */
export type Question =
  | { readonly verb: "publish"; readonly n: number; readonly draft: Draft; readonly rules: HistoryRules }
  | { readonly verb: "listen"; readonly n: number; readonly channel: ChannelName }
  /** After a new connection: all that are listened to. Their tops are compared later. */
  | { readonly verb: "listen-again"; readonly n: number; readonly channels: readonly ChannelName[] }
  | { readonly verb: "unlisten"; readonly channel: ChannelName }
  | {
      readonly verb: "history";
      readonly n: number;
      readonly channel: ChannelName;
      readonly since: Since;
      readonly limit: number;
      readonly maxBytes: number;
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

/** What the host answers to question `n`. */
export type Answer =
  | ({ readonly verb: "published"; readonly n: number } & Receipt)
  /** In the order of the question's channels, or in no order: each names its own. */
  | { readonly verb: "tops"; readonly n: number; readonly tops: readonly (readonly [ChannelName, Position])[] }
  /** Before `history`, as often as needed: a long stretch in pieces, oldest first. */
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

/** What the host says without being asked. `health` is the first of all that it says. */
export type News =
  | { readonly verb: "publication"; readonly publication: Publication }
  | { readonly verb: "health"; readonly healthy: boolean }
  /** The host's own storage broke and came back: deliveries may be missing. */
  | { readonly verb: "break" }
  /** A channel that the worker listens to has a new epoch. */
  | { readonly verb: "reset"; readonly channel: ChannelName; readonly top: Position };

/** A `Published` as JSON: an ephemeral one's position is null. */
interface Receipt {
  readonly id: string;
  readonly position: Position | null;
  readonly duplicate: boolean;
  readonly listeners: number | null;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly field: string | null;
  readonly retryAfterMs: number | null;
}

export function parseQuestion(text: string): Question {
  return JSON.parse(text) as Question;
}

export function parseAnswer(text: string): Answer | News {
  return JSON.parse(text) as Answer | News;
}

/** Hot path: once per publication, however many workers get it. */
export function formatPublication(publication: Publication): string {
  return `{"verb":"publication","publication":${JSON.stringify(publication)}}`;
}

/** @param listeners as the host knows them: its own broker sees the host only */
export function toReceipt({ id, position, duplicate }: Published, listeners: number): Receipt {
  return { id, position: position ?? null, duplicate, listeners: duplicate ? null : listeners };
}

export function toPublished({ id, position, duplicate, listeners }: Receipt): Published {
  return { id, position: position ?? undefined, duplicate, listeners: listeners ?? undefined };
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
