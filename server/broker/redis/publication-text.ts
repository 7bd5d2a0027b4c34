import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import { toPublication } from "../to-publication.ts";

/** A draft as it is stored: JSON of everything except the channel, whose name is in the key, and the publisher. */
export function formatDraft(draft: Draft, id: string): string {
  const { channel, ephemeral, publisher, ...rest } = draft;
  return JSON.stringify({ ...rest, id });
}

/** The publication that was stored as `text`. */
export function parseStored(
  channel: ChannelName,
  { epoch, offset }: Position,
  timestamp: number,
  text: string,
): Publication {
  return { ...(JSON.parse(text) as Omit<Publication, "channel">), channel, epoch, offset, timestamp };
}

/** A message on a channel's topic. */
export type TopicMessage =
  | { readonly kind: "publication"; readonly publication: Publication }
  /** The channel has a new epoch. */
  | { readonly kind: "reset"; readonly top: Position };

/** An ephemeral publication on its topic: `- 0 1764345600123`, a line break and the draft. */
export function formatEphemeral(draft: Draft, id: string, timestamp: number): string {
  return `- 0 ${timestamp}\n${formatDraft(draft, id)}`;
}

/**
 * Parses `k3x9 17 1764345600123`, a line break and the draft, as publish.lua writes it, or `reset k3x9 0`. Hot path.
 * @returns undefined for a text that another program published
 */
export function parseTopicMessage(channel: ChannelName, text: string): TopicMessage | undefined {
  const end = text.indexOf("\n");
  const [epoch = "", offset, last] = (end < 0 ? text : text.slice(0, end)).split(" ");
  if (epoch === "reset") return { kind: "reset", top: { epoch: offset ?? "", offset: Number(last) } };
  const [place, timestamp] = [Number(offset), Number(last)];
  if (end < 0 || !Number.isSafeInteger(place) || !Number.isFinite(timestamp)) return undefined;
  const body = text.slice(end + 1);
  if (epoch !== "-") {
    return { kind: "publication", publication: parseStored(channel, { epoch, offset: place }, timestamp, body) };
  }
  const { id, ...draft } = JSON.parse(body) as Draft & { readonly id: string };
  const ephemeral = { ...draft, channel, ephemeral: true as const };
  return { kind: "publication", publication: toPublication(ephemeral, { id, epoch: "", offset: 0, timestamp }) };
}
