import type { BrokerOptions } from "./options.ts";

/** What a log may hold over all its channels. */
export interface LogLimits {
  /**
   * Memory for publications, known channels and remembered ids together, bytes by cost-of.ts. When it is full, the least
   * recently used channels lose their publications, and idle ones are forgotten.
   */
  readonly totalBytes: number;
  /** Beyond it new channels are refused, unless there is one to be forgotten. */
  readonly maxChannels: number;
  /** How long a channel without messages must be unused to be forgotten, milliseconds; what is listened to is used every 5 s. */
  readonly forgetMs: number;
  /** The same when there are `maxChannels` of them, or no memory is left. */
  readonly minIdleMs: number;
  /** How long a publisher's id is remembered, milliseconds. */
  readonly idWindowMs: number;
  /**
   * The part of it that ids may take: beyond it publications with an id are refused. 128 MiB are about 390 000 ids of usual
   * length, 1300 per second.
   */
  readonly idBytes: number;
}

export const defaultLogLimits: LogLimits = {
  totalBytes: 256 * 1024 * 1024,
  maxChannels: 500_000,
  forgetMs: 24 * 3_600_000,
  minIdleMs: 30_000,
  idWindowMs: 300_000,
  idBytes: 128 * 1024 * 1024,
};

/** Settings that limit a log; those of ids have defaults. */
export type LogSettings = Pick<BrokerOptions, "historyBytesTotal"> &
  Partial<Pick<BrokerOptions, "idempotencyWindowMs" | "idempotencyBytes">>;

/** The part of HISTORY_BYTES_TOTAL that is filled: the rest is for garbage that the engine has not collected yet. */
const filledShare = 2 / 3;

/** The limits that settings name. */
export function limitsOf({
  historyBytesTotal,
  idempotencyWindowMs: idWindowMs = defaultLogLimits.idWindowMs,
  idempotencyBytes: idBytes = defaultLogLimits.idBytes,
}: LogSettings): Pick<LogLimits, "totalBytes" | "idWindowMs" | "idBytes"> {
  return { totalBytes: Math.floor(historyBytesTotal * filledShare), idWindowMs, idBytes };
}
