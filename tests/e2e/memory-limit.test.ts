import { expect, test } from "bun:test";
import { eventually } from "../waiting.ts";
import { startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

test("at MAX_MEMORY new work is refused with a retryable error, and connected clients stay", async () => {
  const env = { MAX_MEMORY: "220MiB", HISTORY_BYTES_TOTAL: "4GiB", HISTORY_BYTES: "1GiB", HISTORY_SIZE: "100000" };
  await using server = await startServer({ env });
  using socket = await SocketUnderTest.open(server.wsUrl);
  const message = "x".repeat(60_000);
  const publish = (at: number) => server.request("POST", "/v1/publish", { channel: `c${at % 100}`, message });
  let refused: Response | undefined;
  for (let at = 0; refused === undefined && at < 20_000; at++) {
    const answer = await publish(at);
    if (answer.status === 200) await answer.body?.cancel();
    else refused = answer;
  }
  expect([refused?.status, refused?.headers.get("Retry-After")]).toEqual([503, "2"]);
  expect(await refused?.json()).toMatchObject({ code: "overloaded", retry_after_ms: 2000 });
  const { memory_bytes } = (await (await server.request("GET", "/metrics")).json()) as { memory_bytes: number };
  expect(memory_bytes).toBeLessThan(300 * 1024 ** 2);
  // Collecting garbage may have freed memory for a short time.
  await eventually(async () => {
    await (await publish(0)).body?.cancel();
    const headers = { Upgrade: "websocket", Connection: "Upgrade" };
    const late = await fetch(server.wsUrl.replace("ws:", "http:"), { headers });
    expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([503, "overloaded"]);
  });
  socket.send({ type: "ping", ref: 1 });
  expect(await socket.until(({ ref }) => ref === 1)).toMatchObject({ type: "pong" });
  expect(server.output).toMatch(/WARNING \| This process uses \d+MiB of 220MiB \(MAX_MEMORY\): new work is refused/);
});
