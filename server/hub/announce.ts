import type { ServerFrame } from "../../protocol/frames.ts";
import type { Session } from "../session/session.ts";
import type { Encoded, WireForm } from "../session/wire-form.ts";

/**
 * The same notice to many: encoded once per wire form. Those who are not welcomed yet, and `except`, are left out. So are
 * those whose sockets are full: a notice is old by the time they would read it.
 */
export function announce(sessions: Iterable<Session>, frame: ServerFrame, except?: Session): void {
  const encoded = new Map<WireForm, Encoded>();
  for (const session of sessions) {
    if (!session.isWelcomed || session.isBlocked || session === except) continue;
    try {
      tell(session, frame, encoded);
    } catch (error) {
      session.fail(error);
    }
  }
}

function tell(session: Session, frame: ServerFrame, encoded: Map<WireForm, Encoded>): void {
  const form = session.connection.wireForm;
  let text = encoded.get(form);
  if (text === undefined) {
    text = form.frame(frame);
    encoded.set(form, text);
  }
  session.sendEncoded(text);
}
