import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import { toPublication } from "../to-publication.ts";

/** A draft as it is stored: JSON of all but the channel, whose name stands in the key. */
export function formatDraft(draft: Draft, id: string): string {
  const { channel, ephemeral, ...rest } = draft;
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

/** What comes over a channel's topic. */
export type TopicMessage =
  | { readonly kind: "publication"; readonly publication: Publication }
  /** The channel's numbering began anew. */
  | { readonly kind: "reset"; readonly top: Position };

/** An ephemeral publication on its topic: `- 0 1764345600123` and the draft. */
export function formatEphemeral(draft: Draft, id: string, timestamp: number): string {
  return `- 0 ${timestamp}\n${formatDraft(draft, id)}`;
}

/**
 * Reads `k3x9 17 1764345600123`, a line break and the draft, as publish.lua writes it, or `reset k3x9 0`. Hot path.
 * @returns undefined for what is none of ours
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
