import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Draft } from "../../protocol/publication.ts";
import { costOf } from "../../server/broker/cost-of.ts";

/** A message to publish: short or long, with or without labels, with one or two bytes per character. */
export interface SampleMessage {
  readonly user: string;
  readonly text: string;
  /** Only in messages with labels. */
  readonly id: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Text in the same request that is not stored. */
  readonly padding: string;
  /** Its size in bytes, as the server counts it. */
  readonly cost: number;
}

/**
 * A third of the messages are short texts in a much longer request. A third have two bytes per character. Every fifth one
 * has all labels.
 */
export function makeSampleMessage(number: number): SampleMessage {
  const user = `user-${number % 1000}`;
  const hasLabels = number % 5 === 0;
  const id = hasLabels ? `id-${number}` : undefined;
  const headers = hasLabels ? { [`h-${number}`]: "a value", traceparent: `00-${number}` } : undefined;
  const kind = number % 3;
  const text = `${number} ${kind === 0 ? "short" : kind === 1 ? "long ".repeat(400) : "wide € ".repeat(100)}`;
  const draft: Draft = {
    channel: `@${user}` as ChannelName,
    data: JSON.stringify(text),
    ...(id === undefined ? {} : { id }),
    ...(headers === undefined ? {} : { headers }),
  };
  return { user, text, id, headers, padding: kind === 0 ? longPadding : "", cost: costOf(draft) };
}

const longPadding = "x".repeat(50_000);
