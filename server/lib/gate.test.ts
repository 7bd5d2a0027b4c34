import { expect, test } from "bun:test";
import { Gate } from "./gate.ts";

/** Tasks that the test ends. `started` has their numbers in the order in which they started. */
function makeTasks(places: number) {
  const gate = new Gate(places);
  const started: number[] = [];
  const ends = new Map<number, PromiseWithResolvers<number>>();
  const start = (number: number) =>
    gate.run(() => {
      const end = Promise.withResolvers<number>();
      started.push(number);
      ends.set(number, end);
      return end.promise;
    });
  return { started, start, end: (number: number) => ends.get(number) };
}

/** Lets the handlers of settled promises run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("runs as many tasks as there are slots, and starts the next one when one ends", async () => {
  const { started, start, end } = makeTasks(2);
  const [first, , third] = [1, 2, 3, 4].map(start);
  expect(started).toEqual([1, 2]);
  end(2)?.resolve(20);
  await settled();
  expect(started).toEqual([1, 2, 3]);
  end(1)?.resolve(10);
  end(3)?.resolve(30);
  await settled();
  expect([await first, await third, started]).toEqual([10, 30, [1, 2, 3, 4]]);
});

test("a task that fails releases its slot, and its caller receives the error", async () => {
  const { started, start, end } = makeTasks(1);
  const [first] = [1, 2].map(start);
  end(1)?.reject(new Error("away"));
  await expect(first).rejects.toThrow("away");
  await settled();
  expect(started).toEqual([1, 2]);
});

test("starts waiting tasks in order, and a slot that is not needed stays free", async () => {
  const { started, start, end } = makeTasks(1);
  const numbers = Array.from({ length: 100 }, (_, number) => number);
  const all = numbers.map(start);
  for (const number of numbers) {
    end(number)?.resolve(number);
    await settled();
  }
  expect([await Promise.all(all), started]).toEqual([numbers, numbers]);
  void start(100);
  expect(started.at(-1)).toBe(100);
});
