import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { startServer } from "../e2e/server.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";

test.each([[[]], [["--workers", "2"]]])(
  "a node whose port the system has chosen is named after that port (%j)",
  async (flags) => {
    await using redis = await RedisServer.start();
    const start = () => startServer({ env: { REDIS_URL: redis.url }, flags });
    await using one = await start();
    await using two = await start();
    const expected = [one, two].map(({ port }) => `${hostname()}:${port}`).sort();
    const names = async () => {
      const { nodes } = (await (await one.request("GET", "/v1/nodes")).json()) as { nodes: { name: string }[] };
      return [...new Set(nodes.map(({ name }) => name.split(" ", 1)[0] ?? ""))].sort();
    };
    await until(async () => (await names()).join() === expected.join(), "both nodes have the names of their ports");
    expect(await names()).toEqual(expected);
  },
);
