import { expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { LeaseKeeper } from "./lease-keeper.ts";

test("a lease is held from when it was asked for, since nobody knows when the store granted it", async () => {
  const clock = new MovedClock();
  const granted = Promise.withResolvers<{ token: number; expiresInMs: number }>();
  let asked = 0;
  const never = new Promise<never>(() => undefined);
  const keeper = new LeaseKeeper({
    store: { lease: () => (asked++ === 0 ? granted.promise : never) },
    clock,
    holder: "h",
    random: () => 0.5,
    onHeld: () => undefined,
  });
  keeper.start();
  clock.move(3000); // the answer is slow
  granted.resolve({ token: 7, expiresInMs: 10_000 });
  await clock.moveInSteps(6999, 1000);
  expect(keeper.token).toBe(7);
  clock.move(1);
  expect(keeper.token).toBeUndefined();
});
