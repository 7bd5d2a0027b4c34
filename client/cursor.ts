import type { Position } from "../protocol/position.ts";

/**
 * One channel's part of a cursor: `room%2F1~k3x9~17`; parts are joined by commas.
 * Repeated from protocol/position.ts, which would pull the parsers into the bundle; a test compares the two.
 */
export function cursorPart(channel: string, { epoch, offset }: Position): string {
  return `${encodeURIComponent(channel).replaceAll("~", "%7E")}~${epoch}~${offset}`;
}
