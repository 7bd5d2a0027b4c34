import type { ChannelName } from "../../protocol/channel-name.ts";
import { isoTime, present } from "../../protocol/codec.ts";
import type { PresenceEventFrame, PresenceResetFrame } from "../../protocol/frames.ts";
import type { PresenceEvent } from "../presence/presence-store.ts";
import type { PresenceNotification } from "../presence/watched-channels.ts";
import type { Session } from "../session/session.ts";
import type { Encoded, WireForm } from "../session/wire-form.ts";

/** Events in one write: with the largest `info` about 64 KiB, far below the write limit of a connection. */
const mostPerWrite = 50;

type Frames = readonly (PresenceEventFrame | PresenceResetFrame)[];

/** The members of a channel. */
export interface Audience {
  readonly name: ChannelName;
  members(): Iterable<{ readonly session: Session }>;
}

/**
 * Sends presence events to the sessions in a channel, encoded once per wire form and several per write. A session whose
 * socket is full is told later that it missed events, instead of buffering them.
 */
export function relay(audience: Audience, notification: PresenceNotification, timestamp: string): void {
  const { name: channel } = audience;
  const writes: Frames[] = [];
  if (notification === "reset") writes.push([{ type: "presence", event: "reset", channel, timestamp }]);
  else {
    const frames = notification.events.map((it) => eventFrame(channel, notification.epoch, it));
    for (let at = 0; at < frames.length; at += mostPerWrite) writes.push(frames.slice(at, at + mostPerWrite));
  }
  // A copy, because a socket that becomes full moves its session within the list.
  const sessions = Array.from(audience.members(), ({ session }) => session);
  for (const frames of writes) tell(channel, sessions, frames);
}

function tell(channel: ChannelName, sessions: readonly Session[], frames: Frames): void {
  const byForm = new Map<WireForm, readonly Encoded[]>();
  for (const session of sessions) {
    if (session.isBlocked) {
      session.missedPresence ??= new Set();
      session.missedPresence.add(channel);
      continue;
    }
    try {
      session.sendParts(partsFor(session.connection.wireForm, frames, byForm));
    } catch (error) {
      session.fail(error);
    }
  }
}

/** Joined already where the end of a write is the same for all sessions. */
function partsFor(form: WireForm, frames: Frames, byForm: Map<WireForm, readonly Encoded[]>): readonly Encoded[] {
  let parts = byForm.get(form);
  if (parts === undefined) {
    parts = frames.map((it) => form.frame(it));
    if (!form.carriesCursor && parts.length > 1) parts = [form.join(parts, "")];
    byForm.set(form, parts);
  }
  return parts;
}

function eventFrame(
  channel: ChannelName,
  epoch: string,
  { kind, position, count, presence, at }: PresenceEvent,
): PresenceEventFrame {
  const { id, userId, info } = presence;
  return {
    type: "presence",
    event: kind,
    channel,
    epoch,
    position,
    connection_id: id,
    ...present({ user_id: userId, info: info === undefined ? undefined : (JSON.parse(info) as unknown) }),
    count,
    timestamp: isoTime(at),
  };
}
