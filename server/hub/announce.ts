import type { ServerFrame } from "../../protocol/frames.ts";
import type { Session } from "../session/session.ts";
import type { Encoded, WireForm } from "../session/wire-form.ts";

/**
 * Sends one frame to many sessions, encoded once per wire form. Skips sessions that are not welcomed yet, `except`, and those
 * whose socket is full: a notice would be outdated by the time they read it.
 */
export function announce(sessions: Iterable<Session>, frame: ServerFrame, except?: Session): void {
  const encoded = new Map<WireForm, Encoded>();
  for (const session of sessions) {
    if (!session.isWelcomed || session.isBlocked || session === except) continue;
    try {
      send(session, frame, encoded);
    } catch (error) {
      session.fail(error);
    }
  }
}

function send(session: Session, frame: ServerFrame, encoded: Map<WireForm, Encoded>): void {
  const form = session.connection.wireForm;
  let text = encoded.get(form);
  if (text === undefined) {
    text = form.frame(frame);
    encoded.set(form, text);
  }
  session.sendEncoded(text);
}
