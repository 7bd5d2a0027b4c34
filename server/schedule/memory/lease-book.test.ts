import { expect, test } from "bun:test";
import { MovedClock } from "../../lib/moved-clock.ts";
import { leaseMs } from "../schedule-store.ts";
import { LeaseBook } from "./lease-book.ts";

test("a lease that is not renewed ends on time, is reported as free, and the next holder gets a larger token", () => {
  const clock = new MovedClock();
  let freed = 0;
  const book = new LeaseBook(clock, () => freed++);
  const { token = 0 } = book.request({ holder: "a", wish: "take" });
  clock.move(leaseMs - 1);
  expect([book.isHeldWith(token), freed]).toEqual([true, 0]);
  expect(book.request({ holder: "b", wish: "take" })).toEqual({ token: undefined, expiresInMs: 1 });
  clock.move(1);
  expect([book.isHeldWith(token), freed]).toEqual([false, 1]);
  expect(book.request({ holder: "b", wish: "take" }).token).toBe(token + 1);
  book.close();
});

test("a lease that is renewed lasts from then on", () => {
  const clock = new MovedClock();
  let freed = 0;
  const book = new LeaseBook(clock, () => freed++);
  const { token = 0 } = book.request({ holder: "a", wish: "take" });
  clock.move(leaseMs - 1);
  expect(book.request({ holder: "a", wish: "take" }).token).toBe(token);
  clock.move(leaseMs - 1);
  expect([book.isHeldWith(token), freed]).toEqual([true, 0]);
  book.close();
});
