import { expect, test } from "bun:test";
import { readEvents, type StreamEvent } from "./event-stream.ts";

async function eventsOf(...chunks: readonly string[]): Promise<readonly StreamEvent[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  return Array.fromAsync(readEvents(body));
}

test("events are read however the stream is cut, and comments are skipped", async () => {
  const events = [
    { type: "message", data: '{"a":1}' },
    { type: "dropped", data: '{"count":2}' },
  ];
  const text = ': hello\n\ndata: {"a":1}\n\n:\n\nevent: dropped\ndata: {"count":2}\n\n';
  expect(await eventsOf(text)).toEqual(events);
  expect(await eventsOf(...text)).toEqual(events);
});

test("an event that was cut off at the end is not an event", async () => {
  expect(await eventsOf("data: 1\n\ndata: 2")).toEqual([{ type: "message", data: "1" }]);
});

test("an event that never ends is an error", async () => {
  await expect(eventsOf("data: ", "x".repeat(1024 * 1024))).rejects.toThrow("too long");
});
