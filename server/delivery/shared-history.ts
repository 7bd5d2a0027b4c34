import type { Broker } from "../broker/broker.ts";
import type { History } from "../broker/log.ts";
import { Gate } from "../lib/gate.ts";

/** Reads a page of a channel's history from the broker. */
export type ReadHistory = Broker["history"];

/**
 * Shares one request among equal ones while it is in flight, since after a restart a thousand clients reconnect with the same
 * cursor; the first of them is charged for a new channel. Limits concurrent requests, since each answer takes memory until its reader has it.
 */
export function shareHistory(read: ReadHistory, maxReads: number): ReadHistory {
  const gate = new Gate(maxReads);
  const asked = new Map<string, Promise<History>>();
  return (channel, since, options) => {
    const { limit, maxBytes } = options;
    const key = JSON.stringify([channel, since, limit, maxBytes]);
    const known = asked.get(key);
    if (known !== undefined) return known;
    const answer = gate.run(() => read(channel, since, options)).finally(() => asked.delete(key));
    asked.set(key, answer);
    return answer;
  };
}
