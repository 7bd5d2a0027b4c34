import { expect, test } from "bun:test";
import { fc } from "../tests/property.ts";
import { type Gap, Progress } from "./progress.ts";

test("the first position of a subscription reports no gap, wherever it is", () => {
  const progress = new Progress();
  expect(progress.skip(41, "history-too-short", "k3x9")).toBeUndefined();
  expect(progress.reached).toEqual({ epoch: "k3x9", offset: 41 });
});

test.each<[string, number, Gap["reason"], string, Gap | undefined, number]>([
  ["resumes where it left off", 5, "history-too-short", "k3x9", undefined, 5],
  ["starts earlier, and repeats messages", 3, "history-too-short", "k3x9", undefined, 5],
  ["starts later", 8, "history-too-short", "k3x9", { epoch: "k3x9", from: 6, to: 8, reason: "history-too-short" }, 8],
  ["has another epoch", 2, "history-too-short", "new", { epoch: "new", from: 1, to: 2, reason: "epoch-changed" }, 2],
  ["starts another epoch", 0, "epoch-changed", "new", { epoch: "new", from: 1, to: 0, reason: "epoch-changed" }, 0],
  [
    "moves its position back",
    2,
    "epoch-changed",
    "k3x9",
    { epoch: "k3x9", from: 1, to: 2, reason: "epoch-changed" },
    2,
  ],
])("a subscription that %s", (_, to, reason, epoch, gap, offset) => {
  const progress = new Progress();
  progress.reached = { epoch: "k3x9", offset: 5 };
  expect(progress.skip(to, reason, epoch)).toEqual(gap as Gap);
  expect(progress.reached).toEqual({ epoch, offset });
});

test("no position is known before the subscription starts", () => {
  const progress = new Progress();
  expect(progress.skip(7, "unannounced")).toBeUndefined();
  expect(progress.reached).toBeUndefined();
});

test("with any input, each offset is delivered once, in order, or lies in exactly one gap", () => {
  const offsets = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 });
  fc.assert(
    fc.property(offsets, (arrivals) => {
      const progress = new Progress();
      progress.skip(0, "history-too-short", "e");
      const seen: number[] = [];
      for (const offset of arrivals) {
        if (offset <= (progress.reached?.offset ?? 0)) continue;
        const gap = progress.skip(offset - 1, "unannounced");
        for (let missed = gap?.from ?? 1; missed <= (gap?.to ?? 0); missed++) seen.push(missed);
        progress.skip(offset, "unannounced");
        seen.push(offset);
      }
      const top = Math.max(0, ...arrivals);
      expect(seen).toEqual(Array.from({ length: top }, (_, index) => index + 1));
    }),
  );
});
