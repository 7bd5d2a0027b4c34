import { expect, test } from "bun:test";
import { parseChannelName } from "../protocol/channel-name.ts";
import { parseCursor } from "../protocol/position.ts";
import { askedWait, backoff } from "./backoff.ts";
import { cursorPart } from "./cursor.ts";
import { makeEmitter } from "./emitter.ts";
import { checkData } from "./schema.ts";

test("the backoff is random between a tenth of a bound and the bound, which doubles from 0.5 to 20 seconds", () => {
  expect([0, 1, 2, 5, 6, 60].map((failures) => backoff(failures, 1))).toEqual([
    500, 1000, 2000, 16_000, 20_000, 20_000,
  ]);
  expect([backoff(0, 0), backoff(60, 0)]).toEqual([50, 2000]);
});

test.each([
  [undefined, 0],
  [-1, 0],
  [Number.NaN, 0],
  [800, 800],
  [86_400_000, 86_400_000],
  [86_400_001, 86_400_000],
  [Number.POSITIVE_INFINITY, 86_400_000],
])("when the server asks for a wait of %p ms, the client waits %p", (asked, ms) => {
  expect(askedWait(asked)).toBe(ms);
});

test.each(["room:1", "@zoë,~%/ü", "all"])("the server can read the cursor of %p", (name) => {
  const position = { epoch: "k3x-9_", offset: 17 };
  const cursor = parseCursor(`${cursorPart(name, position)},${cursorPart("other", position)}`);
  expect([...(cursor ?? [])]).toEqual([
    [toChannel(name), position],
    [toChannel("other"), position],
  ]);
});

function toChannel(name: string) {
  const channel = parseChannelName(name);
  if (channel === undefined) throw new Error(`${name} is not a channel`);
  return channel;
}

test("a handler added twice is called twice, and each removal removes one", () => {
  const emitter = makeEmitter<{ word: string }>();
  const words: string[] = [];
  const handler = (word: string) => void words.push(word);
  const off = emitter.on("word", handler);
  emitter.on("word", handler);
  emitter.emit("word", "a");
  off();
  off();
  emitter.emit("word", "b");
  expect(words).toEqual(["a", "a", "b"]);
  expect([emitter.has(), emitter.has("word")]).toEqual([true, true]);
});

test("a handler that removes itself does not skip the next one", () => {
  const emitter = makeEmitter<{ word: string }>();
  const words: string[] = [];
  const off = emitter.on("word", () => off());
  emitter.on("word", (word) => void words.push(word));
  emitter.emit("word", "a");
  expect(words).toEqual(["a"]);
});

const even = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value: unknown) =>
      typeof value === "number" && value % 2 === 0 ? { value: value / 2 } : { issues: [{ message: "not even" }] },
  },
} as const;

test("delivers the output of a schema, and reports its issues as the error", () => {
  expect(checkData(even, 4)).toBe(2);
  expect(() => checkData(even, 3)).toThrow("not even");
});

test("rejects an asynchronous schema, since messages would overtake each other", () => {
  const late = {
    "~standard": { version: 1, vendor: "test", validate: async (value: unknown) => ({ value }) },
  } as const;
  expect(() => checkData(late, 3)).toThrow("a schema must answer at once");
});
