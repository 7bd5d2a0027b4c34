import type { LogLimits } from "../log-limits.ts";

/** How much of the shared memory one client may use, and all clients together. */
export interface ShareLimits {
  readonly client: ShareLimit;
  readonly clients: ShareLimit;
  /** Known channels, except for those of everyone and of users, which have the rest. */
  readonly plainChannels: number;
}

export interface ShareLimit {
  readonly channels: number;
  /** Channels, publications and ids together. */
  readonly bytes: number;
  /** The part of `bytes` that ids may take. */
  readonly idBytes: number;
}

/** All clients together leave a quarter to API keys, to `all` and to users' channels. */
const clientsShare = 0.75;
/** The part that is reserved for users' own channels. */
const ownShare = 0.1;

/** @param idBytes the limit for all remembered ids */
export function shareLimitsOf({ maxChannels, totalBytes, clientShare }: LogLimits, idBytes: number): ShareLimits {
  const limit = (share: number): ShareLimit => ({
    channels: Math.max(1, Math.ceil(maxChannels * share)),
    bytes: Math.floor(totalBytes * share),
    idBytes: Math.floor(idBytes * share),
  });
  return {
    client: limit(Math.min(clientShare, clientsShare)),
    clients: limit(clientsShare),
    plainChannels: maxChannels - Math.floor(maxChannels * ownShare),
  };
}
