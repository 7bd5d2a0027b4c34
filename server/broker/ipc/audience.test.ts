import { expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { Audience } from "./audience.ts";

const a = "a" as ChannelName;
const b = "b" as ChannelName;

test("an audience holds each listener of a channel once, and reports when the last one leaves", () => {
  const audience = new Audience<string>();
  audience.add(a, "one");
  audience.add(a, "one");
  audience.add(a, "two");
  audience.add(b, "two");
  expect([Array.from(audience.of(a)), Array.from(audience.of(b))]).toEqual([["one", "two"], ["two"]]);
  expect(audience.remove(a, "one")).toBe(false);
  expect(audience.remove(a, "one")).toBe(false);
  expect(audience.remove(a, "two")).toBe(true);
  expect(audience.remove(a, "two")).toBe(false);
  expect([audience.of(a).size, audience.of(b).size]).toEqual([0, 1]);
});
