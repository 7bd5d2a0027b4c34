import { anonymous, type Identity } from "../../server/auth/identity.ts";
import type { ListenedChannel } from "../../server/delivery/listened-channel.ts";
import { Membership, Session } from "../../server/session/session.ts";
import { FakeConnection } from "./connection.ts";

/** A session that was welcomed, and its socket. */
export function makeSession(
  id = "c_1",
  {
    connection = new FakeConnection(),
    identity = {},
  }: { connection?: FakeConnection; identity?: Partial<Identity> } = {},
): { readonly session: Session; readonly connection: FakeConnection } {
  const origin = { id, ip: "127.0.0.1", remote: "127.0.0.1:1", connectedAt: 0 };
  const session = new Session(origin, { ...anonymous, ...identity }, connection);
  session.isWelcomed = true;
  return { session, connection };
}

/** Puts a session into a channel: level, or lagging behind a cursor. */
export function putInto(channel: ListenedChannel, session: Session, cursor?: number): Membership {
  const membership = new Membership(session, channel, cursor ?? channel.flushed);
  session.memberships.add(membership);
  if (cursor === undefined) channel.makeLevel(membership);
  else channel.makeLagging(membership, cursor);
  return membership;
}
