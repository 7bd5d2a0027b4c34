import { expect, test } from "bun:test";
import { Collector } from "../e2e/collector.ts";
import { startServer } from "../e2e/server.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { RedisServer } from "./redis.ts";

test("a trace continues through Redis to the connections of another server", async () => {
  await using redis = await RedisServer.start();
  using collector = new Collector();
  const env = { ...collector.env, REDIS_URL: redis.url };
  await using one = await startServer({ env });
  await using two = await startServer({ env });
  using client = await SocketUnderTest.open(two.wsUrl);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  await one.request("POST", "/v1/publish", { channel: "all", message: "m" }, { traceparent });
  const message = await client.until(({ message: text }) => text === "m");
  const spans = await collector.untilTrace(traceId, 3);
  const spanOf = (name: string) => spans.find((it) => it.name === name);
  const [publish, deliver] = [spanOf("publish"), spanOf("deliver")];
  expect(message.headers).toEqual({ traceparent: `00-${traceId}-${publish?.spanId}-01` });
  expect(deliver?.parentSpanId).toBe(publish?.spanId);
  expect(deliver?.attributes["fanfare.connections"]).toBe(1);
  expect(deliver?.resource["service.instance.id"]).not.toBe(publish?.resource["service.instance.id"]);
});
