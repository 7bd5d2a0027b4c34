import { expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { KnownOffsets } from "./known-offsets.ts";

const channel = "room" as ChannelName;
const at = (offset: number, epoch = "e1") => ({ epoch, offset });

test("tracks the top of a channel from the first position on", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.track(channel, at(5));
  expect(knownOffsets.highest(channel, "e1")).toBe(5);
  knownOffsets.observed(channel, at(6));
  expect(knownOffsets.highest(channel, "e1")).toBe(6);
  expect(knownOffsets.highest(channel, "e2")).toBe(0);
});

test("remembers an untracked channel for one to two minutes, because its clients may resume", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.track(channel, at(5));
  knownOffsets.untrack(channel);
  knownOffsets.rotate();
  expect(knownOffsets.highest(channel, "e1")).toBe(5);
  knownOffsets.rotate();
  expect(knownOffsets.highest(channel, "e1")).toBe(0);
});

test("remembers a former epoch for one to two minutes, because a crashed Redis may restart with it", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.track(channel, at(5));
  knownOffsets.observed(channel, at(1, "e2"));
  expect([knownOffsets.highest(channel, "e1"), knownOffsets.highest(channel, "e2")]).toEqual([5, 1]);
  knownOffsets.rotate();
  knownOffsets.rotate();
  expect([knownOffsets.highest(channel, "e1"), knownOffsets.highest(channel, "e2")]).toEqual([0, 1]);
});

test("remembers acknowledgements in untracked channels for one to two minutes", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.acknowledged(channel, at(3));
  knownOffsets.rotate();
  expect(knownOffsets.highest(channel, "e1")).toBe(3);
  knownOffsets.rotate();
  expect(knownOffsets.highest(channel, "e1")).toBe(0);
});

test("a delivery after the acknowledgement of a later offset does not lower the highest offset", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.track(channel, at(5));
  knownOffsets.acknowledged(channel, at(7));
  knownOffsets.observed(channel, at(6));
  expect(knownOffsets.highest(channel, "e1")).toBe(7);
});

test("an acknowledgement below the highest offset does not lower it, and one of another epoch is counted separately", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.track(channel, at(5));
  knownOffsets.acknowledged(channel, at(4));
  expect(knownOffsets.highest(channel, "e1")).toBe(5);
  knownOffsets.acknowledged(channel, at(7));
  expect(knownOffsets.highest(channel, "e1")).toBe(7);
  knownOffsets.acknowledged(channel, at(1, "e2"));
  expect([knownOffsets.highest(channel, "e1"), knownOffsets.highest(channel, "e2")]).toEqual([7, 1]);
});

test("deliveries of an untracked channel are ignored", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.observed(channel, at(9));
  expect(knownOffsets.highest(channel, "e1")).toBe(0);
});

test("keeps remembered offsets when Redis restarts, because a channel may be used much later", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.acknowledged(channel, at(3));
  knownOffsets.pin();
  for (let minute = 0; minute < 10; minute++) knownOffsets.rotate();
  expect(knownOffsets.highest(channel, "e1")).toBe(3);
});

test("drops the oldest of more than 100,000 positions from before restarts, without a long search for each", () => {
  const knownOffsets = new KnownOffsets();
  const acknowledge = (from: number, to: number) => {
    for (let n = from; n < to; n++) knownOffsets.acknowledged(`c${n}` as ChannelName, at(3));
  };
  const found = (...all: number[]) => all.map((n) => knownOffsets.highest(`c${n}` as ChannelName, "e1"));
  acknowledge(0, 150_000);
  knownOffsets.pin();
  knownOffsets.rotate();
  knownOffsets.rotate();
  expect(found(0, 49_999, 50_000, 149_999)).toEqual([0, 0, 3, 3]);
  acknowledge(150_000, 210_000);
  knownOffsets.pin();
  knownOffsets.rotate();
  knownOffsets.rotate();
  expect(found(50_000, 109_999, 110_000, 209_999)).toEqual([0, 0, 3, 3]);
});

test("a position of the minute before that is higher than the one of this minute is kept when Redis restarts", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.remember(channel, at(9));
  for (let n = 0; n < 100_000; n++) knownOffsets.remember(`c${n}` as ChannelName, at(3));
  knownOffsets.rotate();
  knownOffsets.remember(channel, at(5));
  knownOffsets.pin();
  knownOffsets.rotate();
  knownOffsets.rotate();
  expect(knownOffsets.highest(channel, "e1")).toBe(9);
});

test("remembers a position of a former epoch without giving up the current one", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.track(channel, at(5, "e2"));
  knownOffsets.remember(channel, at(9));
  knownOffsets.rotate();
  knownOffsets.rotate();
  expect([knownOffsets.highest(channel, "e1"), knownOffsets.highest(channel, "e2")]).toEqual([0, 5]);
});

test("all that is known has the pinned, remembered and listened positions, and is undefined beyond the limit", () => {
  const knownOffsets = new KnownOffsets();
  knownOffsets.remember("a b" as ChannelName, at(1));
  knownOffsets.pin();
  knownOffsets.rotate();
  knownOffsets.rotate();
  knownOffsets.remember("c" as ChannelName, at(2, "e2"));
  knownOffsets.track(channel, at(3, "e3"));
  expect(knownOffsets.all(3) as unknown).toEqual([
    ["a b", at(1)],
    ["c", at(2, "e2")],
    ["room", at(3, "e3")],
  ]);
  expect(knownOffsets.all(2)).toBeUndefined();
});
