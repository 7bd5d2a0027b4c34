import { expect, test } from "bun:test";
import { makePush, room } from "../../tests/fakes/publication.ts";
import { excludedBy, withoutExcluded } from "./exclusion.ts";

const mine = { excludeConnectionId: "c_1" };
const theirs = { excludeConnectionId: "c_2" };
const seenBy1 = (items: Parameters<typeof withoutExcluded>[0]) =>
  withoutExcluded(items, room, "c_1")
    .map((it) => JSON.parse(it.json))
    .map(({ type, offset, message }) => [type, offset ?? message]);

test("lists every session that is excluded from a message", () => {
  expect([...excludedBy([makePush(1), makePush(2, mine), makePush(3, theirs), makePush(4, mine)])]).toEqual([
    "c_1",
    "c_2",
  ]);
});

test("sends one advance, to the last offset, for adjacent excluded messages", () => {
  const items = [makePush(1), makePush(2, mine), makePush(3, mine), makePush(4), makePush(5, mine)];
  expect(seenBy1(items)).toEqual([
    ["message", 1],
    ["advance", 3],
    ["message", 4],
    ["advance", 5],
  ]);
});

test("a session that is not excluded receives everything", () => {
  expect(seenBy1([makePush(1), makePush(2, theirs)])).toEqual([
    ["message", 1],
    ["message", 2],
  ]);
});

test("an excluded ephemeral message causes no advance, alone or between others", () => {
  expect(seenBy1([makePush(0, mine)])).toEqual([]);
  expect(seenBy1([makePush(1, mine), makePush(0, mine), makePush(2, mine)])).toEqual([["advance", 2]]);
  expect(seenBy1([makePush(1, mine), makePush(0, { message: "typing" }), makePush(2)])).toEqual([
    ["advance", 1],
    ["message", "typing"],
    ["message", 2],
  ]);
});
