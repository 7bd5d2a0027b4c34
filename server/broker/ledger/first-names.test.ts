import { expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { fc } from "../../../tests/property.ts";
import { firstNames } from "./first-names.ts";

test("finds the same names as sorting all of them and taking the first", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", "Ä", "💡"), maxLength: 6 });
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 500 }), name, name, fc.nat(20), (names, prefix, after, limit) => {
      const expected = names.filter((it) => it > after && it.startsWith(prefix)).sort();
      const found = firstNames(names as ChannelName[], prefix, after, limit);
      expect(found.map(String)).toEqual(expected.slice(0, limit));
    }),
  );
});
