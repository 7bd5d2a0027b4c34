import { type CloseName, type CloseReason, closeTable } from "../../protocol/close-codes.ts";

/** Expected reasons; all others are logged. */
const expectedReasons: readonly CloseName[] = ["normal", "going-away", "restarting", "replaced"];

/** Why the server closed a connection, for the log; "" if the reason is an expected one or the client closed it. */
export function faultOf(closed: CloseReason | undefined): string {
  if (closed === undefined || expectedReasons.includes(closed.name)) return "";
  const { code, reason } = closeTable[closed.name];
  return `${closed.text ?? reason} (${code})`;
}
