import { type ChannelName, parseChannelName } from "./channel-name.ts";
import { limits } from "./limits.ts";

/** A place in a channel's history. (channel, epoch, offset) never identifies two publications. */
export interface Position {
  /** Identifies one numbering of the channel: 1 to 64 of `[A-Za-z0-9_-]`. Changes whenever offsets start over. */
  readonly epoch: string;
  /** The last publication received; 0 before the first. */
  readonly offset: number;
}

/** Where a reader wants to start. */
export type Since =
  | { readonly from: "position"; readonly position: Position }
  | { readonly from: "earliest" }
  /** Publications of the last `ms` milliseconds. */
  | { readonly from: "age"; readonly ms: number }
  /** The last `count` publications. */
  | { readonly from: "last"; readonly count: number };

/**
 * Represents a cursor that cannot be parsed: a position in an epoch that no channel ever has. The client is told that
 * messages may be missing, and receives the whole history.
 */
export const unknownPosition: Position = { epoch: "", offset: 0 };

/** Positions in several channels. As text: `channel~epoch~offset`, joined by commas. */
export type Cursor = ReadonlyMap<ChannelName, Position>;

const epochPattern = /^[A-Za-z0-9_-]{1,64}$/;
const offsetPattern = /^(0|[1-9][0-9]{0,15})$/;
const agePattern = /^([0-9]{1,9})(ms|s|m|h|d)$/;
const lastPattern = /^last:([0-9]{1,5})$/;
const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** One channel's part of a cursor, without the offset: `room%2F1~k3x9~`. The channel is percent-encoded, `~` included. */
export function cursorPrefix(channel: ChannelName, epoch: string): string {
  return `${encodeURIComponent(channel).replaceAll("~", "%7E")}~${epoch}~`;
}

/** `all~k3x9~17,room%3A1~q71m~4` */
export function formatCursor(cursor: Cursor): string {
  return Array.from(cursor, ([channel, { epoch, offset }]) => cursorPrefix(channel, epoch) + offset).join(",");
}

/** Parses a cursor of at most 4 KiB. If a channel occurs twice, the last position is used. */
export function parseCursor(text: string): Cursor | undefined {
  if (text.length === 0 || text.length > limits.cursorBytes) return undefined;
  // A name that was percent-decoded by a proxy is still accepted, but has more bytes than characters.
  if (new TextEncoder().encode(text).length > limits.cursorBytes) return undefined;
  const cursor = new Map<ChannelName, Position>();
  for (const part of text.split(",")) {
    const [name = "", epoch = "", offset = "", ...rest] = part.split("~");
    const channel = parseChannelName(decodePercent(name));
    const position = parsePosition({ epoch, offset: offsetPattern.test(offset) ? Number(offset) : undefined });
    if (channel === undefined || position === undefined || rest.length > 0) return undefined;
    cursor.set(channel, position);
  }
  return cursor;
}

/** Parses `{epoch, offset}` as used in frames. */
export function parsePosition(value: unknown): Position | undefined {
  if (typeof value !== "object" || value === null || !("epoch" in value) || !("offset" in value)) return undefined;
  const { epoch, offset } = value;
  if (typeof epoch !== "string" || !epochPattern.test(epoch)) return undefined;
  return typeof offset === "number" && Number.isSafeInteger(offset) && offset >= 0 ? { epoch, offset } : undefined;
}

/** Parses a `since` that is not a position: `earliest`, a duration (`2m`) or `last:10`. */
export function parseSince(text: string): Since | undefined {
  if (text === "earliest") return { from: "earliest" };
  const last = lastPattern.exec(text);
  if (last !== null) {
    const count = Number(last[1]);
    return count <= limits.lastLimit ? { from: "last", count } : undefined;
  }
  const age = agePattern.exec(text);
  if (age === null) return undefined;
  const unit = age[2];
  return unit === "ms" || unit === "s" || unit === "m" || unit === "h" || unit === "d"
    ? { from: "age", ms: Number(age[1]) * unitMs[unit] }
    : undefined;
}

/** What `since` may be besides a position or a cursor, worded as the end of a sentence. */
export const sinceWords = `"earliest", a duration such as "2m", or "last:10" (up to ${limits.lastLimit})`;

/** The rule for `since` in frames, worded as the end of a sentence. In URLs a cursor stands for the position. */
export const sinceRule = `a position such as {"epoch":"k3x9","offset":17}, ${sinceWords}`;

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // a broken escape makes the cursor invalid
  }
}
