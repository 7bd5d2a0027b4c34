import { expect, test } from "bun:test";
import { startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

test("a plain WebSocket receives a posted message", async () => {
  await using server = await startServer();
  using alice = await SocketUnderTest.open(`${server.wsUrl}?user_id=alice`);
  const answer = await server.request("POST", "/sse/push", {
    user_id: "alice",
    data: { price: 42 },
    event_type: "price",
  });
  expect(await answer.json()).toEqual({ status: "success", message: "Event pushed" });
  expect(await alice.until((it) => it.type === "message")).toMatchObject({
    channel: "@alice",
    event: "price",
    data: { price: 42 },
  });
});

test("Ctrl+C notifies the clients, and the server ends as soon as the last one has left", async () => {
  await using server = await startServer();
  using client = await SocketUnderTest.open(server.wsUrl);
  server.signal("SIGINT");
  const notice = await client.until((it) => it.event === "draining");
  expect(notice.deadline_ms).toBeWithin(1_000_000, 1_800_001);
  client.close();
  expect(await server.exited).toBe(0);
  expect(server.output).toContain('"left":1');
});
