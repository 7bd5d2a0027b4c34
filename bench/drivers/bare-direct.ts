import type { Driver } from "./driver.ts";

/** For bench/bare-direct.ts. */
export const driver: Driver = {
  socketPath: (user) => `/ws?user_id=${user}`,
  push: (user_id, data) => ({ path: "/sse/push", body: JSON.stringify({ user_id, data }) }),
  pushBatch: (users, data) => ({
    path: "/sse/push/batch",
    body: JSON.stringify(users.map((user_id) => ({ user_id, data }))),
  }),
};
