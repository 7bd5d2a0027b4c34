import { expect, test } from "bun:test";
import { DueIndex } from "./due-index.ts";

test("entries of former versions do not pile up, however often a record that is due far in the future is replaced", () => {
  let looks = 0;
  let current = 0;
  const index = new DueIndex(({ version }) => {
    looks++;
    return version === current;
  });
  index.add({ dueAt: 1, id: "a", version: current });
  for (let replaced = 0; replaced < 100_000; replaced++) {
    index.removed();
    index.add({ dueAt: 1, id: "a", version: ++current });
  }
  looks = 0;
  expect(index.first(1, 1).due).toEqual([{ dueAt: 1, id: "a", version: current }]);
  expect(looks).toBeLessThan(2000);
});
