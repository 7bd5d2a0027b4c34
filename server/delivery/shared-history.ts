import type { Broker } from "../broker/broker.ts";
import type { History } from "../broker/log.ts";
import { Gate } from "../lib/gate.ts";

/** Asks the broker for a stretch of a channel's history. */
export type ReadHistory = Broker["history"];

/**
 * Asks the same question once while its answer is on the way, since after a restart a thousand readers come back with the
 * same cursor; and only so many questions at the same time, since each answer takes memory until its reader has it.
 */
export function shareHistory(read: ReadHistory, maxReads: number): ReadHistory {
  const gate = new Gate(maxReads);
  const asked = new Map<string, Promise<History>>();
  return (channel, since, limit, maxBytes) => {
    const key = JSON.stringify([channel, since, limit, maxBytes]);
    const known = asked.get(key);
    if (known !== undefined) return known;
    const answer = gate.run(() => read(channel, since, limit, maxBytes)).finally(() => asked.delete(key));
    asked.set(key, answer);
    return answer;
  };
}
