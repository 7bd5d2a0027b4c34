import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import { errorFrame } from "./error-frame.ts";
import type { Admitted, ForbiddenChannel, Handshake } from "./handshake.ts";

/**
 * The requested channels that the client may not join. It joins the others, and is told the errors. Synchronous unless the
 * application must be asked.
 */
export function forbiddenChannels(
  access: Access,
  { channels }: Handshake,
  identity: Identity,
): readonly ForbiddenChannel[] | Promise<readonly ForbiddenChannel[]> {
  const forbidden: ForbiddenChannel[] = [];
  const refuse = (channel: ChannelName, error: unknown) => {
    if (!(error instanceof ServiceError)) throw error;
    forbidden.push({ channel, error });
  };
  const asked: Promise<void>[] = [];
  for (const channel of channels) {
    try {
      const checked = access.checkSubscribe(identity, channel);
      if (checked !== undefined) asked.push(checked.catch((error: unknown) => refuse(channel, error)));
    } catch (error) {
      refuse(channel, error);
    }
  }
  return asked.length === 0 ? forbidden : Promise.all(asked).then(() => forbidden);
}

export function withoutForbidden({ handshake, forbidden }: Admitted): Handshake {
  if (forbidden.length === 0) return handshake;
  const names = new Set(forbidden.map(({ channel }) => channel));
  return { ...handshake, channels: handshake.channels.filter((it) => !names.has(it)) };
}

export function refusalFrame(channel: ChannelName, error: ServiceError): ServerFrame {
  return { ...errorFrame(error), channel };
}
