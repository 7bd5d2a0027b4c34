import { expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { Witness } from "./witness.ts";

const channel = "room" as ChannelName;
const at = (offset: number, epoch = "e1") => ({ epoch, offset });

test("remembers the top of a channel that is listened to, and what comes after it", () => {
  const witness = new Witness();
  witness.watch(channel, at(5));
  expect(witness.highest(channel, "e1")).toBe(5);
  witness.saw(channel, at(6));
  expect(witness.highest(channel, "e1")).toBe(6);
  expect(witness.highest(channel, "e2")).toBe(0);
});

test("remembers a channel for one to two minutes after nobody listens any more: its clients may resume", () => {
  const witness = new Witness();
  witness.watch(channel, at(5));
  witness.forget(channel);
  witness.turn();
  expect(witness.highest(channel, "e1")).toBe(5);
  witness.turn();
  expect(witness.highest(channel, "e1")).toBe(0);
});

test("remembers an epoch that was left for one to two minutes: a Redis that crashes may come back with it", () => {
  const witness = new Witness();
  witness.watch(channel, at(5));
  witness.saw(channel, at(1, "e2"));
  expect([witness.highest(channel, "e1"), witness.highest(channel, "e2")]).toEqual([5, 1]);
  witness.turn();
  witness.turn();
  expect([witness.highest(channel, "e1"), witness.highest(channel, "e2")]).toEqual([0, 1]);
});

test("remembers acknowledgements for one to two minutes where nobody listens", () => {
  const witness = new Witness();
  witness.acknowledged(channel, at(3));
  witness.turn();
  expect(witness.highest(channel, "e1")).toBe(3);
  witness.turn();
  expect(witness.highest(channel, "e1")).toBe(0);
});

test("a delivery that comes after the acknowledgement of a later one lowers nothing", () => {
  const witness = new Witness();
  witness.watch(channel, at(5));
  witness.acknowledged(channel, at(7));
  witness.saw(channel, at(6));
  expect(witness.highest(channel, "e1")).toBe(7);
});

test("an acknowledgement that is behind what was seen lowers nothing, one of another epoch begins another count", () => {
  const witness = new Witness();
  witness.watch(channel, at(5));
  witness.acknowledged(channel, at(4));
  expect(witness.highest(channel, "e1")).toBe(5);
  witness.acknowledged(channel, at(7));
  expect(witness.highest(channel, "e1")).toBe(7);
  witness.acknowledged(channel, at(1, "e2"));
  expect([witness.highest(channel, "e1"), witness.highest(channel, "e2")]).toEqual([7, 1]);
});

test("deliveries of a channel that is not listened to are no evidence", () => {
  const witness = new Witness();
  witness.saw(channel, at(9));
  expect(witness.highest(channel, "e1")).toBe(0);
});

test("keeps what it remembers when Redis restarts: a channel may be used next much later", () => {
  const witness = new Witness();
  witness.acknowledged(channel, at(3));
  witness.pin();
  for (let minute = 0; minute < 10; minute++) witness.turn();
  expect(witness.highest(channel, "e1")).toBe(3);
});

test("drops the oldest of 100,000 positions from before restarts", () => {
  const witness = new Witness();
  for (let n = 0; n <= 100_000; n++) witness.acknowledged(`c${n}` as ChannelName, at(3));
  witness.pin();
  witness.turn();
  witness.turn();
  const found = [0, 1, 100_000].map((n) => witness.highest(`c${n}` as ChannelName, "e1"));
  expect(found).toEqual([0, 3, 3]);
});
