import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { RedisUnreachable } from "../../lib/redis/unreachable.ts";
import { KnownOffsets } from "./known-offsets.ts";
import { Members } from "./members.ts";
import { OffsetQueries, type OldRecord } from "./offset-queries.ts";

const room = "room" as ChannelName;
const record: OldRecord = { channel: room, epoch: "e1", top: 5, replicationId: "before" };

/** Members that share one topic, on one clock. */
function membersOf(names: readonly string[], { silent = [] as readonly string[] } = {}) {
  const clock = new MovedClock();
  const make = (self: string) => {
    const members = new Members(clock);
    members.connected();
    const knownOffsets = new KnownOffsets();
    const replicationIds = new Set(["before"]);
    const send = async (text: string) => {
      for (const it of all) if (!silent.includes(it.self)) queueMicrotask(() => it.queries.handleMessage(text));
    };
    const queries = new OffsetQueries({ self, members, knownOffsets, replicationIds, send, clock });
    return { self, members, knownOffsets, replicationIds, queries };
  };
  const all = names.map(make);
  /** A member that starts now. */
  const join = (self: string) => {
    const newcomer = make(self);
    all.push(newcomer);
    return newcomer;
  };
  clock.move(3000);
  for (const { self, members } of all) for (const other of names) if (other !== self) members.heardFrom(other);
  return { clock, members: all, join };
}

describe("a query for the highest offset of an old record", () => {
  test("returns the highest offset that any member has seen, once all have answered", async () => {
    const { members } = membersOf(["a", "b", "c"]);
    members[0]?.knownOffsets.track(room, { epoch: "e1", offset: 5 });
    members[2]?.knownOffsets.track(room, { epoch: "e1", offset: 7 });
    expect(await members[0]?.queries.ask([record])).toEqual([{ highest: 7, isComplete: true }]);
  });

  test("returns at once if there are no other members", async () => {
    const { members } = membersOf(["a"]);
    expect(await members[0]?.queries.ask([record])).toEqual([{ highest: 0, isComplete: true }]);
  });

  test("is incomplete if a live member does not answer within five seconds", async () => {
    const { members, clock } = membersOf(["a", "b"], { silent: ["b"] });
    const asked = members[0]?.queries.ask([record]);
    await clock.moveInSteps(5000, 100);
    expect(await asked).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("waits until a member that has just started knows the others, and hears those it did not know", async () => {
    const { members: all, clock, join } = membersOf(["a"]);
    all[0]?.knownOffsets.track(room, { epoch: "e1", offset: 7 });
    const newcomer = join("b");
    clock.move(1000);
    const asked = newcomer.queries.ask([record]);
    let isAnswered = false;
    void asked.then(() => {
      isAnswered = true;
    });
    await clock.moveInSteps(1900, 100);
    expect(isAnswered).toBe(false);
    await clock.moveInSteps(600, 100);
    expect(await asked).toEqual([{ highest: 7, isComplete: true }]);
  });

  test("fails at once if the querying member is disconnected, before it or meanwhile", async () => {
    const { members, clock } = membersOf(["a", "b"], { silent: ["b"] });
    const [a] = members;
    const asked = a?.queries.ask([record]);
    a?.members.disconnected();
    a?.queries.disconnected();
    await expect(asked).rejects.toThrow(RedisUnreachable);
    await expect(a?.queries.ask([record])).rejects.toThrow(RedisUnreachable);
    a?.members.connected();
    const next = a?.queries.ask([record]);
    await clock.moveInSteps(5000, 100);
    expect(await next).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is incomplete if a member falls silent during the query, because it may have seen more", async () => {
    const { members, clock } = membersOf(["a", "b"], { silent: ["b"] });
    await clock.moveInSteps(2000, 100);
    const asked = members[0]?.queries.ask([record]);
    await clock.moveInSteps(5000, 100);
    expect(members[0]?.members.alive()).toEqual([]);
    expect(await asked).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is complete without a member that announced its departure", async () => {
    const { members, clock } = membersOf(["a", "b"], { silent: ["b"] });
    const asked = members[0]?.queries.ask([record]);
    members[0]?.members.left("b");
    await clock.moveInSteps(1000, 100);
    expect(await asked).toEqual([{ highest: 0, isComplete: true }]);
  });

  test("finds what a member handed over before it left, also if it left during the query", async () => {
    const { members, clock } = membersOf(["a", "b"], { silent: [] });
    const [a, b] = members;
    b?.knownOffsets.track(room, { epoch: "e1", offset: 7 });
    const asked = a?.queries.ask([record]);
    expect(await b?.queries.handOver()).toBe(true);
    a?.members.left("b");
    await clock.moveInSteps(1000, 100);
    expect(await asked).toEqual([{ highest: 7, isComplete: true }]);
    expect(await a?.queries.ask([record])).toEqual([{ highest: 7, isComplete: true }]);
  });

  test("a member that knows of more than 100,000 positions hands nothing over", async () => {
    const { members } = membersOf(["a", "b"]);
    const [a, b] = members;
    for (let n = 0; n < 100_000; n++) b?.knownOffsets.remember(`room-${n}` as ChannelName, { epoch: "e1", offset: 7 });
    expect(await b?.queries.handOver()).toBe(true);
    expect(a?.knownOffsets.all(100_000)?.length).toBe(100_000);
    b?.knownOffsets.remember(room, { epoch: "e1", offset: 7 });
    expect(await b?.queries.handOver()).toBe(false);
  });

  test("is incomplete if no member was connected under that replication id", async () => {
    const { members } = membersOf(["a", "b"]);
    for (const { replicationIds } of members) replicationIds.clear();
    expect(await members[0]?.queries.ask([record])).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is repeated for a member that was still reconnecting at first", async () => {
    const silent: string[] = ["b"];
    const { members, clock } = membersOf(["a", "b"], { silent });
    members[1]?.knownOffsets.track(room, { epoch: "e1", offset: 6 });
    const asked = members[0]?.queries.ask([record]);
    await clock.moveInSteps(1000, 100);
    silent.length = 0;
    await clock.moveInSteps(1000, 100);
    expect(await asked).toEqual([{ highest: 6, isComplete: true }]);
  });
});
