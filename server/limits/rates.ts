import type { Rate } from "./token-bucket.ts";

/** The counted actions. Each has its own bucket. */
export type Kind = "messages" | "joins" | "answerBytes" | "presence" | "handshakes";

/** The settings that limit principals; 0 or Infinity: no limit. */
export interface BudgetSettings {
  readonly messageRate: number;
  /** Bytes. */
  readonly historyRate: number;
  readonly presenceRate: number;
  readonly handshakeRate: number;
  readonly maxRequests: number;
  readonly maxUnfinishedBytes: number;
  readonly usersPerAddress: number;
  readonly usersPerKey: number;
}

/** The limits of one principal. A rate that is undefined has no limit. */
export interface Allowance {
  readonly rates: Readonly<Record<Kind, Rate | undefined>>;
  readonly maxRequests: number;
  readonly maxUnfinishedBytes: number;
}

/** The burst of each kind, in seconds' worth. */
const burstSeconds = {
  messages: 2,
  // The channels of ten connections that reconnect together.
  joins: 20,
  // 16 MiB by default: a client that catches up reads many pages at once.
  answerBytes: 8,
  presence: 2,
  // After a restart, all clients behind one address reconnect at once.
  handshakes: 10,
} as const satisfies Readonly<Record<Kind, number>>;

/** The allowance of one user. @param factor how many users' allowances the principal has */
export function allowanceOf(settings: BudgetSettings, factor: number): Allowance {
  const rate = (kind: Kind, perSecond: number): Rate | undefined => {
    const isLimited = perSecond > 0 && Number.isFinite(perSecond);
    return isLimited ? { perSecond, burst: perSecond * burstSeconds[kind] } : undefined;
  };
  return {
    rates: {
      messages: rate("messages", settings.messageRate * factor),
      joins: rate("joins", settings.messageRate * factor),
      answerBytes: rate("answerBytes", settings.historyRate * factor),
      presence: rate("presence", settings.presenceRate * factor),
      handshakes: rate("handshakes", settings.handshakeRate),
    },
    maxRequests: settings.maxRequests * factor,
    maxUnfinishedBytes: settings.maxUnfinishedBytes * factor,
  };
}

/** No limit but the size of a body. */
export const unlimited: BudgetSettings = {
  messageRate: 0,
  historyRate: 0,
  presenceRate: 0,
  handshakeRate: 0,
  maxRequests: Number.POSITIVE_INFINITY,
  maxUnfinishedBytes: Number.POSITIVE_INFINITY,
  usersPerAddress: 0,
  usersPerKey: 0,
};
