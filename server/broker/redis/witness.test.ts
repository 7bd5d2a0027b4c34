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
  witness.forget(channel);
  expect(witness.highest(channel, "e1")).toBe(0);
});

test("remembers acknowledgements for one to two minutes where nobody listens", () => {
  const witness = new Witness();
  witness.acknowledged(channel, at(3));
  witness.turn();
  expect(witness.highest(channel, "e1")).toBe(3);
  witness.turn();
  expect(witness.highest(channel, "e1")).toBe(0);
});

test("an acknowledgement that is behind what was seen lowers nothing, one of another epoch replaces it", () => {
  const witness = new Witness();
  witness.watch(channel, at(5));
  witness.acknowledged(channel, at(4));
  expect(witness.highest(channel, "e1")).toBe(5);
  witness.acknowledged(channel, at(7));
  expect(witness.highest(channel, "e1")).toBe(7);
  witness.acknowledged(channel, at(1, "e2"));
  expect([witness.highest(channel, "e1"), witness.highest(channel, "e2")]).toEqual([0, 1]);
});

test("deliveries of a channel that is not listened to are no evidence", () => {
  const witness = new Witness();
  witness.saw(channel, at(9));
  expect(witness.highest(channel, "e1")).toBe(0);
});
