import type { StallCause } from "../session/connection.ts";
import type { Session } from "../session/session.ts";

/** Ends a session whose client does not read. The client may reconnect and resume. */
export function endStalled(session: Session, cause: StallCause): void {
  if (cause === "no-progress") session.close({ name: "too-slow" });
  else session.drop({ name: "too-slow", text: "the send buffers are full and this client is reading slowest" });
}
