import { expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { firstUsers } from "./first-users.ts";

const members = (users: readonly (string | undefined)[]) => users.map((userId) => ({ session: { userId } }));

test("a page equals a slice of all users, sorted and without duplicates", () => {
  const user = fc.option(fc.string({ minLength: 1, maxLength: 2 }), { nil: undefined });
  fc.assert(
    fc.property(fc.array(user), fc.string({ maxLength: 1 }), fc.integer({ min: 1, max: 5 }), (users, after, count) => {
      const all = [...new Set(users)].filter((it) => it !== undefined).sort();
      const page = all.filter((it) => it > after).slice(0, count);
      expect(firstUsers(members(users), after, count)).toEqual(page);
    }),
  );
});

test("consecutive pages list every user once", () => {
  const users = Array.from({ length: 25 }, (_, at) => `u${(at * 7) % 25}`);
  const seen: string[] = [];
  for (let page = firstUsers(members(users), "", 10); page.length > 0; ) {
    seen.push(...page);
    page = firstUsers(members(users), page.at(-1) ?? "", 10);
  }
  expect(seen).toEqual(users.toSorted());
});
