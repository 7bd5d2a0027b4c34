import type { BrokerOptions } from "./options.ts";

/** Limits of a log over all its channels. */
export interface LogLimits {
  /**
   * Memory for publications, known channels and remembered ids together, bytes by cost-of.ts. When it is full, the least
   * recently used channels lose their publications, and idle ones are forgotten.
   */
  readonly totalBytes: number;
  /** Beyond it new channels are refused, unless an idle one can be forgotten. */
  readonly maxChannels: number;
  /** After this time unused, a channel without messages is forgotten, milliseconds. Listening counts as use every 5 s. */
  readonly forgetMs: number;
  /** The same when there are `maxChannels` channels, or memory is full. */
  readonly minIdleMs: number;
  /** How long a publisher's id is remembered, milliseconds. */
  readonly idWindowMs: number;
  /**
   * The part of `totalBytes` for remembered ids. Beyond it publications with an id are refused. 128 MiB hold about 390 000 ids
   * of usual length, 1300 per second.
   */
  readonly idBytes: number;
  /** The part of `totalBytes`, of `maxChannels` and of the memory for ids that one client may use, 0 to 1. */
  readonly clientShare: number;
}

export const defaultLogLimits: LogLimits = {
  totalBytes: 256 * 1024 * 1024,
  maxChannels: 500_000,
  forgetMs: 24 * 3_600_000,
  minIdleMs: 30_000,
  idWindowMs: 300_000,
  idBytes: 128 * 1024 * 1024,
  clientShare: 0.1,
};

/** The settings that limit a log. Some have defaults. */
export type LogSettings = Pick<BrokerOptions, "historyBytesTotal"> &
  Partial<Pick<BrokerOptions, "idempotencyWindowMs" | "idempotencyBytes" | "clientShare">>;

/** The part of HISTORY_BYTES_TOTAL that is used. The rest is for garbage that the engine has not collected yet. */
const filledShare = 2 / 3;

/** Converts settings to limits. */
export function limitsOf({
  historyBytesTotal,
  idempotencyWindowMs: idWindowMs = defaultLogLimits.idWindowMs,
  idempotencyBytes: idBytes = defaultLogLimits.idBytes,
  clientShare = defaultLogLimits.clientShare * 100,
}: LogSettings): Pick<LogLimits, "totalBytes" | "idWindowMs" | "idBytes" | "clientShare"> {
  return {
    totalBytes: Math.floor(historyBytesTotal * filledShare),
    idWindowMs,
    idBytes,
    clientShare: clientShare / 100,
  };
}
