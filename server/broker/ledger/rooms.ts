import type { LogLimits } from "../log-limits.ts";

/** How much of what is everyone's may be taken by one client, and by all clients together. */
export interface Rooms {
  readonly client: Room;
  readonly clients: Room;
  /** Known channels, except for those of everyone and of users, which have the rest. */
  readonly plainChannels: number;
}

export interface Room {
  readonly channels: number;
  /** Channels, publications and ids together. */
  readonly bytes: number;
  /** The part of `bytes` that ids may take. */
  readonly idBytes: number;
}

/** All clients together leave a quarter to API keys, to `all` and to users' channels. */
const clientsShare = 0.75;
/** What users' channels have for themselves. */
const ownShare = 0.1;

/** @param idBytes what all remembered ids may take */
export function roomsOf({ maxChannels, totalBytes, clientShare }: LogLimits, idBytes: number): Rooms {
  const room = (share: number): Room => ({
    channels: Math.max(1, Math.ceil(maxChannels * share)),
    bytes: Math.floor(totalBytes * share),
    idBytes: Math.floor(idBytes * share),
  });
  return {
    client: room(Math.min(clientShare, clientsShare)),
    clients: room(clientsShare),
    plainChannels: maxChannels - Math.floor(maxChannels * ownShare),
  };
}
