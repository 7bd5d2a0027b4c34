import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Companions } from "./companions.ts";
import { type OldRecord, Talk } from "./talk.ts";
import { Witness } from "./witness.ts";

const room = "room" as ChannelName;
const record: OldRecord = { channel: room, epoch: "e1", top: 5, life: "before" };

/** Members that share one topic, on one clock. */
function membersOf(names: readonly string[], { silent = [] as readonly string[] } = {}) {
  const clock = new MovedClock();
  const members = names.map((self) => {
    const companions = new Companions(clock);
    companions.connected();
    const witness = new Witness();
    const lives = new Set(["before"]);
    const say = async (text: string) => {
      for (const it of members) if (!silent.includes(it.self)) queueMicrotask(() => it.talk.hear(text));
    };
    return { self, companions, witness, lives, talk: new Talk({ self, companions, witness, lives, say, clock }) };
  });
  clock.move(3000);
  for (const { self, companions } of members) for (const other of names) if (other !== self) companions.heard(other);
  return { clock, members };
}

describe("what the members know of a record", () => {
  test("is the highest offset that any of them has seen, once all have answered", async () => {
    const { members } = membersOf(["a", "b", "c"]);
    members[0]?.witness.watch(room, { epoch: "e1", offset: 5 });
    members[2]?.witness.watch(room, { epoch: "e1", offset: 7 });
    expect(await members[0]?.talk.ask([record])).toEqual([{ highest: 7, isComplete: true }]);
  });

  test("is answered at once where there is nobody else", async () => {
    const { members } = membersOf(["a"]);
    expect(await members[0]?.talk.ask([record])).toEqual([{ highest: 0, isComplete: true }]);
  });

  test("is incomplete where one that lived a moment ago does not answer in five seconds", async () => {
    const { members, clock } = membersOf(["a", "b"], { silent: ["b"] });
    const asked = members[0]?.talk.ask([record]);
    await clock.moveInSteps(5000, 100);
    expect(await asked).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is incomplete where the one that asks has just started, and may not have heard of the others yet", async () => {
    const { members, clock } = membersOf(["a"]);
    const companions = new Companions(clock);
    companions.connected();
    const { witness, lives } = members[0] ?? { witness: new Witness(), lives: new Set<string>() };
    const newcomer = new Talk({ self: "b", companions, witness, lives, say: async () => undefined, clock });
    clock.move(2999);
    expect(await newcomer.ask([record])).toEqual([{ highest: 0, isComplete: false }]);
    companions.cutOff(); // while it hears nobody it hears of nobody
    clock.move(60_000);
    expect(await newcomer.ask([record])).toEqual([{ highest: 0, isComplete: false }]);
    companions.connected();
    clock.move(1);
    expect(await newcomer.ask([record])).toEqual([{ highest: 0, isComplete: true }]);
  });

  test("is incomplete where one falls silent while it is asked: it may have seen more", async () => {
    const { members, clock } = membersOf(["a", "b"], { silent: ["b"] });
    await clock.moveInSteps(2000, 100);
    const asked = members[0]?.talk.ask([record]);
    await clock.moveInSteps(5000, 100);
    expect(members[0]?.companions.living()).toEqual([]);
    expect(await asked).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is complete without one that has said that it leaves", async () => {
    const { members, clock } = membersOf(["a", "b"], { silent: ["b"] });
    const asked = members[0]?.talk.ask([record]);
    members[0]?.companions.left("b");
    await clock.moveInSteps(1000, 100);
    expect(await asked).toEqual([{ highest: 0, isComplete: true }]);
  });

  test("is incomplete where none of them was connected in that life", async () => {
    const { members } = membersOf(["a", "b"]);
    for (const { lives } of members) lives.clear();
    expect(await members[0]?.talk.ask([record])).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is asked again of one that was still reconnecting when it was asked first", async () => {
    const silent: string[] = ["b"];
    const { members, clock } = membersOf(["a", "b"], { silent });
    members[1]?.witness.watch(room, { epoch: "e1", offset: 6 });
    const asked = members[0]?.talk.ask([record]);
    await clock.moveInSteps(1000, 100);
    silent.length = 0;
    await clock.moveInSteps(1000, 100);
    expect(await asked).toEqual([{ highest: 6, isComplete: true }]);
  });
});
