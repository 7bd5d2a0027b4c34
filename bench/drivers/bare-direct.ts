import type { Driver } from "./driver.ts";

/** For bench/bare-direct.ts. */
export const driver: Driver = {
  socketPath: (user) => `/ws?user_id=${user}`,
  push: (user_id, data) => ({ path: "/sse/push", body: JSON.stringify({ user_id, data }) }),
};
