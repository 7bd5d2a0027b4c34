import { expect, test } from "bun:test";
import { EventBlocks } from "./event-blocks.ts";

const stream = ': hello\n\ndata: {"a":1}\n\nevent: dropped\ndata: {"count":2}\n\n:\n\ndata: one\ndata: two\n\n';
const events = [
  { event: "message", data: '{"a":1}' },
  { event: "dropped", data: '{"count":2}' },
  { event: "message", data: "one\ntwo" },
];

test("comments are left out, and each event has its name and its data", () => {
  expect(new EventBlocks().add(stream)).toEqual(events);
});

test.each([1, 2, 5, 17])("the stream may arrive in pieces of %d characters", (size) => {
  const blocks = new EventBlocks();
  const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, n) =>
    stream.slice(n * size, (n + 1) * size),
  );
  expect(pieces.flatMap((it) => blocks.add(it))).toEqual(events);
});

test("an incomplete event waits for its end", () => {
  const blocks = new EventBlocks();
  expect(blocks.add("data: half")).toEqual([]);
  expect(blocks.add("\n\n")).toEqual([{ event: "message", data: "half" }]);
});
