import type { Position } from "../protocol/position.ts";

/**
 * One channel's part of a cursor: `room%2F1~k3x9~17`; parts are joined by commas.
 * Written here a second time because protocol/position.ts brings the parsers along; a test holds the two together.
 */
export function cursorPart(channel: string, { epoch, offset }: Position): string {
  return `${encodeURIComponent(channel).replaceAll("~", "%7E")}~${epoch}~${offset}`;
}
