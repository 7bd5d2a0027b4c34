import { type CloseName, type CloseReason, closeTable } from "../../protocol/close-codes.ts";

/** Ends that are in the order of things; all others are worth a line of the log. */
const usualEnds: readonly CloseName[] = ["normal", "going-away", "restarting", "replaced"];

/** Why the server ended a connection, for the log; "" where that was in the order of things or the other side's wish. */
export function faultOf(closed: CloseReason | undefined): string {
  if (closed === undefined || usualEnds.includes(closed.name)) return "";
  const { code, reason } = closeTable[closed.name];
  return `${closed.text ?? reason} (${code})`;
}
