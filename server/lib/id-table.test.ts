import { describe, expect, test } from "bun:test";
import { makeRandom, replayable } from "../../tests/seed.ts";
import { IdTable } from "./id-table.ts";

const item = (id: string) => ({ id });

describe("a table of ids", () => {
  test("finds what was added and not deleted, like a map, while it grows and shrinks", () =>
    replayable(() => {
      const random = makeRandom();
      const table = new IdTable<{ id: string }>();
      const map = new Map<string, { id: string }>();
      for (const growth of [0.9, 0.5, 0.1, 0.6, 0]) {
        for (let step = 0; step < 2000; step++) {
          const ids = random() < growth ? [] : [...map.keys()];
          const id = ids[Math.floor(random() * ids.length)];
          if (id === undefined) {
            const added = item(`c_${random()}`);
            table.add(added);
            map.set(added.id, added);
          } else {
            table.delete(id);
            map.delete(id);
            expect(table.get(id)).toBeUndefined();
          }
        }
        expect([table.size, new Set(table.values())]).toEqual([map.size, new Set(map.values())]);
        expect(Array.from(map, ([id, it]) => table.get(id) === it)).not.toContain(false);
      }
    }));

  test("distinguishes ids in neighbouring slots, in whatever order they are deleted", () => {
    const ids = Array.from("abcdefghijkl");
    for (let first = 0; first < ids.length; first++) {
      const table = new IdTable<{ id: string }>();
      for (const id of ids) table.add(item(id));
      const order = [...ids.slice(first), ...ids.slice(0, first)];
      order.forEach((id, index) => {
        table.delete(id);
        table.delete(id);
        expect(order.filter((it) => table.get(it) !== undefined)).toEqual(order.slice(index + 1));
      });
      expect([table.size, [...table.values()]]).toEqual([0, []]);
    }
  });

  test("lists all of them, even if each is deleted when it is reached", () => {
    const table = new IdTable<{ id: string }>();
    for (let n = 0; n < 100; n++) table.add(item(String(n)));
    const reached: string[] = [];
    for (const { id } of table.values()) {
      reached.push(id);
      table.delete(id);
    }
    expect([reached.length, table.size]).toEqual([100, 0]);
  });

  test("lists the oldest first", () => {
    const table = new IdTable<{ id: string }>();
    for (let n = 0; n < 100; n++) table.add(item(String(n)));
    expect(Array.from(table.values(), ({ id }) => Number(id))).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });
});
