import { expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { noGrants } from "../auth/grants.ts";
import { keyOf } from "../presence/page-key.ts";
import { firstPresences } from "./first-presences.ts";

const membersOf = (users: readonly (string | undefined)[]) =>
  users.map((userId, at) => {
    const identity = { userId, grants: noGrants, expiresAtMs: undefined };
    return { session: { id: `c_${at}`, userId, identity }, joinedAt: at } as never;
  });

test("a page equals a slice of all presences, sorted by key", () => {
  const user = fc.option(fc.string({ minLength: 1, maxLength: 2 }), { nil: undefined });
  fc.assert(
    fc.property(fc.array(user), fc.string({ maxLength: 1 }), fc.integer({ min: 1, max: 5 }), (users, after, count) => {
      const keys = users.map((userId, at) => keyOf({ userId, id: `c_${at}` })).filter((it) => it > after);
      const found = firstPresences(membersOf(users), after, count);
      expect(found.map(keyOf)).toEqual(keys.sort().slice(0, count));
    }),
  );
});

test("consecutive pages list every presence once", () => {
  const users = Array.from({ length: 25 }, (_, at) => `u${(at * 7) % 25}`);
  const seen: string[] = [];
  for (let page = firstPresences(membersOf(users), "", 10); page.length > 0; ) {
    seen.push(...page.map(({ userId }) => userId ?? "?"));
    page = firstPresences(membersOf(users), keyOf(page.at(-1) ?? { userId: undefined, id: "" }), 10);
  }
  expect(seen).toEqual(users.toSorted());
});
