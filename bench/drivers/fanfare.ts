import type { Driver } from "./driver.ts";

export const driver: Driver = {
  socketPath: (user) => (user === undefined ? "/ws" : `/ws?user_id=${user}`),
  publish: (message) => ({ path: "/v1/publish", body: JSON.stringify({ channel: "all", message }) }),
  push: (user_id, data) => ({ path: "/sse/push", body: JSON.stringify({ user_id, data }) }),
  pushBatch: (users, data) => ({
    path: "/sse/push/batch",
    body: JSON.stringify(users.map((user_id) => ({ user_id, data }))),
  }),
};
