import { expect, test } from "bun:test";
import { room } from "../../tests/fakes/publication.ts";
import { gapFrame } from "./gap.ts";

test("a gap contains its first and last offset, and a sentence for people", () => {
  expect(gapFrame(room, "history-too-short", { epoch: "e1", from: 18, to: 40 })).toEqual({
    type: "system",
    event: "gap",
    channel: room,
    reason: "history-too-short",
    epoch: "e1",
    from: 18,
    to: 40,
    message: "Messages 18 to 40 are no longer available.",
  });
});

test("a gap of one message is described in the singular", () => {
  const { message } = gapFrame(room, "history-too-short", { epoch: "e1", from: 18, to: 18 });
  expect(message).toBe("Message 18 is no longer available.");
});

test("a gap with a new epoch is described as a restart", () => {
  const frame = gapFrame(room, "epoch-changed", { epoch: "e2", from: 1, to: 0 });
  expect(frame).toMatchObject({ reason: "epoch-changed", epoch: "e2" });
  expect(frame.message).toContain("numbering started over");
});
