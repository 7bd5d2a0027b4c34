import { afterEach, expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { textBytes } from "../lib/own-text.ts";
import { Backlog } from "../session/backlog.ts";
import { TextResponses } from "./text-responses.ts";

const slowTimeoutMs = 60_000;
const sendBufferBytes = 1024 * 1024;
const headers = { "Content-Type": "text/plain" };
let clock = new MovedClock();
let backlog = new Backlog({ slowTimeoutMs, sendBufferBytes }, clock);
let responses = new TextResponses(backlog);
afterEach(() => {
  backlog.close();
  clock = new MovedClock();
  backlog = new Backlog({ slowTimeoutMs, sendBufferBytes }, clock);
  responses = new TextResponses(backlog);
});

/** A text of the smallest length that is sent in parts, or longer. */
const large = (length = 64 * 1024 + 1) => "x".repeat(length);

/** Reads parts only when asked to. */
function readerOf(text: string) {
  const response = responses.make(text, { headers });
  let ends = 0;
  const body = responses.largeBodyOf(response);
  if (body !== undefined) {
    body.onEnd = () => {
      ends++;
    };
  }
  const reader = (response.body as ReadableStream<string>).getReader();
  return { response, read: () => reader.read(), cancel: () => reader.cancel(), ends: () => ends };
}

test("a text of up to 64 KiB is left to the runtime", async () => {
  const response = responses.make(large(64 * 1024), { headers, status: 201 });
  expect(responses.largeBodyOf(response)).toBeUndefined();
  expect([response.status, await response.text()]).toEqual([201, large(64 * 1024)]);
  expect(backlog.bytes).toBe(0);
});

test("a larger text arrives whole, with its status and headers", async () => {
  const text = `${"😀".repeat(50_000)}x${"é".repeat(50_000)}`;
  await using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => responses.make(text, { headers, status: 201 }),
  });
  const response = await fetch(server.url);
  expect([response.status, response.headers.get("Content-Type")]).toEqual([201, "text/plain"]);
  expect(await response.text()).toBe(text);
  expect(backlog.bytes).toBe(0);
});

test("a large text counts as a whole until its last part is taken", async () => {
  const text = large(150_000);
  const { read, ends } = readerOf(text);
  for (let parts = 0; parts < 2; parts++) {
    await read();
    expect(backlog.bytes).toBe(textBytes(text));
    expect(ends()).toBe(0);
  }
  await read();
  expect([backlog.bytes, backlog.size, ends()]).toEqual([0, 0, 1]);
});

test("a body that nobody begins to read, as of an answer to HEAD, does not count", () => {
  responses.make(large(), { headers });
  expect(backlog.size).toBe(0);
});

test("a client that disconnects frees its text", async () => {
  const { read, cancel, ends } = readerOf(large());
  await read();
  await cancel();
  expect([backlog.size, ends()]).toEqual([0, 1]);
});

test("a client that takes no part for SLOW_TIMEOUT is cut off; one that takes a part now and then is not", async () => {
  const stuck = readerOf(large(200_000));
  const slow = readerOf(large(400_000));
  await Promise.all([stuck.read(), slow.read()]);
  clock.move(slowTimeoutMs / 2);
  await slow.read();
  clock.move(slowTimeoutMs / 2 + 2000);
  expect([stuck.ends(), slow.ends()]).toEqual([1, 0]);
  expect(stuck.read()).rejects.toThrow("stopped reading");
  let length = 0;
  for (let part = await slow.read(); part.value !== undefined; part = await slow.read()) length += part.value.length;
  expect(length).toBe(400_000 - 2 * 64 * 1024);
});

test("when the texts exceed the limit together, the one that was read least recently is cut off", async () => {
  const first = readerOf(large(600_000));
  await first.read();
  clock.move(1000);
  const second = readerOf(large(600_000));
  await second.read();
  expect([first.ends(), second.ends()]).toEqual([1, 0]);
  expect(backlog.bytes).toBeLessThanOrEqual(sendBufferBytes);
});
