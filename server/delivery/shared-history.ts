import type { Broker } from "../broker/broker.ts";
import type { History } from "../broker/log.ts";

/** Asks the broker for a stretch of a channel's history. */
export type ReadHistory = Broker["history"];

/**
 * The same question asked while its answer is on the way is asked once: after a restart a thousand readers come back with
 * the same cursor.
 */
export function shareHistory(read: ReadHistory): ReadHistory {
  const asked = new Map<string, Promise<History>>();
  return (channel, since, limit, maxBytes) => {
    const key = JSON.stringify([channel, since, limit, maxBytes]);
    const known = asked.get(key);
    if (known !== undefined) return known;
    const answer = read(channel, since, limit, maxBytes).finally(() => asked.delete(key));
    asked.set(key, answer);
    return answer;
  };
}
