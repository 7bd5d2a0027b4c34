import { expect, test } from "bun:test";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Companions } from "./companions.ts";

test("a member lives for six seconds after it was heard, and not longer", () => {
  const clock = new MovedClock();
  const companions = new Companions(clock);
  companions.heard("a");
  clock.move(6000);
  expect(companions.living()).toEqual(["a"]);
  clock.move(1);
  expect(companions.living()).toEqual([]);
});

test("one that says that it leaves is gone at once", () => {
  const companions = new Companions(new MovedClock());
  companions.heard("a");
  companions.left("a");
  expect(companions.living()).toEqual([]);
});

test("the time in which this member was cut off does not count, however long", () => {
  const clock = new MovedClock();
  const companions = new Companions(clock);
  companions.heard("a");
  clock.move(2000);
  companions.cutOff();
  companions.cutOff(); // of several servers one after the other is lost
  clock.move(60_000);
  expect(companions.living()).toEqual(["a"]);
  companions.connected();
  clock.move(4000);
  expect(companions.living()).toEqual(["a"]);
  clock.move(1);
  expect(companions.living()).toEqual([]);
});
