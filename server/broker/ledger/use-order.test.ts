import { describe, expect, test } from "bun:test";
import { fc } from "../../../tests/property.ts";
import { type Used, UseOrder } from "./use-order.ts";

class Thing implements Used<Thing> {
  usedAt = 0;
  older: Thing | undefined;
  newer: Thing | undefined;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

function namesOf(order: UseOrder<Thing>): number[] {
  const names: number[] = [];
  for (let it = order.oldest; it !== undefined; it = it.newer) names.push(it.name);
  return names;
}

describe("UseOrder", () => {
  test("an empty order has no oldest element", () => {
    expect(new UseOrder<Thing>().oldest).toBeUndefined();
  });

  test("an element that is used again is the newest, with the time of its use", () => {
    const [a, b] = [new Thing(1), new Thing(2)];
    const order = new UseOrder<Thing>();
    order.add(a, 10);
    order.add(b, 20);
    order.touch(a, 30);
    expect([namesOf(order), a.usedAt, b.usedAt]).toEqual([[2, 1], 30, 20]);
  });

  test("keeps the same order as a plain list, whatever is added, used and removed", () => {
    const step = fc.record({ name: fc.nat(9), verb: fc.constantFrom("use", "remove") });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const things = Array.from({ length: 10 }, (_, name) => new Thing(name));
        const order = new UseOrder<Thing>();
        let model: Thing[] = [];
        steps.forEach(({ name, verb }, now) => {
          const it = things[name] ?? new Thing(name);
          const isIn = model.includes(it);
          model = model.filter((other) => other !== it);
          if (verb === "use") {
            model.push(it);
            if (isIn) order.touch(it, now);
            else order.add(it, now);
          } else if (isIn) order.remove(it);
          expect(namesOf(order)).toEqual(model.map((other) => other.name));
        });
      }),
    );
  });
});
