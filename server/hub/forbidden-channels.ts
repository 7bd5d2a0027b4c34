import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { Admitted, ForbiddenChannel, Handshake } from "./handshake.ts";

/** The requested channels that the client may not join. It joins the others, and is told the errors. */
export function forbiddenChannels(
  access: Access,
  { channels }: Handshake,
  identity: Identity,
): readonly ForbiddenChannel[] {
  const forbidden: ForbiddenChannel[] = [];
  for (const channel of channels) {
    try {
      access.checkSubscribe(identity, channel);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      forbidden.push({ channel, error });
    }
  }
  return forbidden;
}

export function withoutForbidden({ handshake, forbidden }: Admitted): Handshake {
  if (forbidden.length === 0) return handshake;
  const names = new Set(forbidden.map(({ channel }) => channel));
  return { ...handshake, channels: handshake.channels.filter((it) => !names.has(it)) };
}

export function refusalFrame(channel: ChannelName, { code, message }: ServiceError): ServerFrame {
  return { type: "error", code, message, channel };
}
