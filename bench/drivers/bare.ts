import type { Driver } from "./driver.ts";

/** For bench/bare.ts. */
export const driver: Driver = {
  socketPath: () => "/ws",
  publish: (message) => ({ path: "/v1/publish", body: JSON.stringify({ channel: "all", message }) }),
};
