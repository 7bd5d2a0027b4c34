import type { HistoryRules } from "../../server/broker/log.ts";
import type { ServerRecord } from "../../server/broker/redis/server-record.ts";

/** For brokers that are made without `openRedis`. */
export const serverRecord: ServerRecord = { format: "1", secret: "c2VjcmV0", history: "HISTORY_SIZE=100" };

/** For brokers whose reads return whatever is stored. */
export const noReadLimits = (): HistoryRules => ({ historySize: 1e6, historyTtl: 1e9, historyBytes: 1e12 });
