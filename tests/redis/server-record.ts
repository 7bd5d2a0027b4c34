import type { ServerRecord } from "../../server/broker/redis/server-record.ts";

/** For brokers that are made without `openRedis`. */
export const serverRecord: ServerRecord = { format: "1", secret: "c2VjcmV0", history: "HISTORY_SIZE=100" };
