import type { ChannelName } from "../../../protocol/channel-name.ts";
import { type ErrorCode, ServiceError } from "../../../protocol/errors.ts";
import type { GapReason } from "../../../protocol/frames.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import { ownText } from "../../lib/own-text.ts";
import type { Published } from "../broker.ts";
import type { ChannelSummary, HistoryRules } from "../log.ts";

/**
 * The protocol between host and workers. Its number changes with any change below. Workers and hosts with different numbers
 * never communicate, so neither side validates messages.
 */
export const ipcProtocol = "fanfare-broker/6";

/** Requests of a worker. All except `unlisten` are answered, with the same number. */
export type Question =
  | { readonly verb: "publish"; readonly n: number; readonly draft: Draft; readonly rules: HistoryRules }
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
  | ({ readonly verb: "published"; readonly n: number } & Receipt)
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
export type News =
  | { readonly verb: "publication"; readonly publication: Publication }
  | { readonly verb: "health"; readonly healthy: boolean }
  /** The connection of the host's own broker broke and was restored: deliveries may be missing. */
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

/**
 * `data` follows the rest after a line break, as it is: `{"verb":"publish","n":1,"draft":{…},"rules":{…}}\n{"order":42}`. As a
 * string inside JSON, each of its quotes would be escaped and unescaped again by every process on the way (bench/ipc: a third
 * of the cost of a publication). JSON text has no line breaks, and `data` has none either.
 */
export function formatPublish(
  n: number,
  draft: Draft,
  { historySize, historyTtl, historyBytes }: HistoryRules,
): string {
  const rules: HistoryRules = { historySize, historyTtl, historyBytes }; // may have more fields
  if (draft.data === undefined) return JSON.stringify({ verb: "publish", n, draft, rules });
  return `${JSON.stringify({ verb: "publish", n, draft: { ...draft, data: undefined }, rules })}\n${draft.data}`;
}

/** The same for a delivery. Hot path: once per publication, however many workers get it. */
export function formatPublication(publication: Publication): string {
  const { data } = publication;
  if (data === undefined) return JSON.stringify({ verb: "publication", publication });
  return `${JSON.stringify({ verb: "publication", publication: { ...publication, data: undefined } })}\n${data}`;
}

export function parseQuestion(text: string): Question {
  const end = text.indexOf("\n");
  if (end < 0) return JSON.parse(text) as Question;
  const question = JSON.parse(text.slice(0, end)) as Question & { readonly verb: "publish" };
  return { ...question, draft: { ...question.draft, data: ownText(text.slice(end + 1)) } };
}

export function parseAnswer(text: string): Answer | News {
  const end = text.indexOf("\n");
  if (end < 0) return JSON.parse(text) as Answer | News;
  const news = JSON.parse(text.slice(0, end)) as News & { readonly verb: "publication" };
  // Its own copy: the publication is kept, and the text that it came in is not.
  return { verb: "publication", publication: { ...news.publication, data: ownText(text.slice(end + 1)) } };
}

/** @param listeners as counted by the host, because its own broker counts only the host */
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
