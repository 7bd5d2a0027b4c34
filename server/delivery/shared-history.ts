import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Since } from "../../protocol/position.ts";
import type { History } from "../broker/log.ts";

/** Asks the broker for a stretch of a channel's history. */
export type ReadHistory = (channel: ChannelName, since: Since, limit: number) => Promise<History>;

/**
 * The same question asked while its answer is on the way is asked once: after a restart a thousand readers come back with
 * the same cursor.
 */
export function shareHistory(read: ReadHistory): ReadHistory {
  const asked = new Map<string, Promise<History>>();
  return (channel, since, limit) => {
    const key = JSON.stringify([channel, since, limit]);
    const known = asked.get(key);
    if (known !== undefined) return known;
    const answer = read(channel, since, limit).finally(() => asked.delete(key));
    asked.set(key, answer);
    return answer;
  };
}
