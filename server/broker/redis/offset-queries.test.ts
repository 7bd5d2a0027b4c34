import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { RedisUnreachable } from "../../lib/redis/unreachable.ts";
import { HandOver, type HandOverMessage } from "./hand-over.ts";
import { KnownOffsets } from "./known-offsets.ts";
import { Members } from "./members.ts";
import { OffsetQueries, type OldRecord, type QueryMessage } from "./offset-queries.ts";

const room = "room" as ChannelName;
const record: OldRecord = { channel: room, epoch: "e1", top: 5, replicationId: "before" };

interface TestMember {
  readonly self: string;
  readonly members: Members;
  readonly knownOffsets: KnownOffsets;
  /** The replication ids of the servers that it is connected to. */
  readonly inUse: Set<string>;
  readonly queries: OffsetQueries;
  readonly handOver: HandOver;
}

/** Members that share one topic, on one clock. */
class World {
  readonly clock = new MovedClock();
  /** Members that receive nothing. */
  readonly silent = new Set<string>();
  readonly #all: TestMember[] = [];

  /** Members that knew each other until Redis was restarted. They are connected again. */
  static restarted(...names: readonly string[]) {
    const world = new World();
    const all = names.map((it) => world.join(it));
    world.clock.move(3000);
    for (const { members } of all) for (const other of names) members.heardFrom(other);
    world.restart("before");
    return { world, clock: world.clock, members: all };
  }

  /** All members are disconnected, and connected to a Redis with another replication id. */
  restart(id: string): void {
    for (const { self, members } of this.#all) {
      members.disconnected();
      members.idsEnded([id]);
      members.connected();
      members.heartbeatsFound([{ member: self, replicationId: id, ageMs: 0 }]);
      members.heartbeatsRead();
    }
  }

  /** A member that starts now. */
  join(self: string): TestMember {
    const members = new Members(self, this.clock);
    members.connected();
    members.heartbeatsRead();
    const knownOffsets = new KnownOffsets();
    const send = async (text: string) => this.#deliver(JSON.parse(text) as QueryMessage | HandOverMessage);
    const inUse = new Set<string>();
    const shared = { self, members, knownOffsets, send };
    const connections = { isInUse: (id: string) => inUse.has(id), reconnect: (id: string) => void inUse.delete(id) };
    const queries = new OffsetQueries({ ...shared, ...connections, clock: this.clock });
    const member = { self, members, knownOffsets, inUse, queries, handOver: new HandOver(shared) };
    this.#all.push(member);
    return member;
  }

  #deliver(message: QueryMessage | HandOverMessage): void {
    for (const { self, queries, handOver } of this.#all) {
      if (this.silent.has(self)) continue;
      queueMicrotask(() => {
        if (message.kind === "keep" || message.kind === "bye") handOver.handleMessage(message);
        else queries.handleMessage(message);
      });
    }
  }
}

describe("a query for the highest offset of an old record", () => {
  test("returns the highest offset that any member has seen, once all have answered", async () => {
    const { members } = World.restarted("a", "b", "c");
    members[0]?.knownOffsets.track(room, { epoch: "e1", offset: 5 });
    members[2]?.knownOffsets.track(room, { epoch: "e1", offset: 7 });
    expect(await members[0]?.queries.ask([record])).toEqual([{ highest: 7, isComplete: true }]);
  });

  test("returns at once if there are no other members", async () => {
    const { members } = World.restarted("a");
    expect(await members[0]?.queries.ask([record])).toEqual([{ highest: 0, isComplete: true }]);
  });

  test("is incomplete if a live member does not answer within five seconds", async () => {
    const { members, clock, world } = World.restarted("a", "b");
    world.silent.add("b");
    const asked = members[0]?.queries.ask([record]);
    await clock.moveInSteps(5000, 100);
    expect(await asked).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("by a member that has just started is complete if a member that knows the others and all of these answer", async () => {
    const { members, world } = World.restarted("a", "b");
    members[1]?.knownOffsets.track(room, { epoch: "e1", offset: 7 });
    expect(await world.join("c").queries.ask([record])).toEqual([{ highest: 7, isComplete: true }]);
  });

  test("by a member that has just started is incomplete without a member that only the others know", async () => {
    const { clock, world } = World.restarted("a", "b");
    world.silent.add("b");
    const asked = world.join("c").queries.ask([record]);
    await clock.moveInSteps(5000, 100);
    expect(await asked).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is incomplete, and waits for nobody, long after a member died that had not handed over what it knew", async () => {
    const { members, clock, world } = World.restarted("a", "b");
    world.silent.add("b");
    clock.move(60_000);
    expect(await members[0]?.queries.ask([record])).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is incomplete if all members had just started when Redis was restarted", async () => {
    const world = new World();
    const [a] = [world.join("a"), world.join("b")];
    world.clock.move(2999);
    world.restart("before");
    const asked = a.queries.ask([record]);
    await world.clock.moveInSteps(5000, 100);
    expect(await asked).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("fails at once if the asking member is disconnected, before it or meanwhile, or has not read the heartbeats", async () => {
    const { members, clock, world } = World.restarted("a", "b");
    world.silent.add("b");
    const [a] = members;
    const asked = a?.queries.ask([record]);
    a?.members.disconnected();
    a?.queries.disconnected();
    await expect(asked).rejects.toThrow(RedisUnreachable);
    await expect(a?.queries.ask([record])).rejects.toThrow(RedisUnreachable);
    a?.members.connected();
    await expect(a?.queries.ask([record])).rejects.toThrow(RedisUnreachable);
    a?.members.heartbeatsRead();
    const next = a?.queries.ask([record]);
    await clock.moveInSteps(5000, 100);
    expect(await next).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is incomplete if a member falls silent during the query, because it may have seen more", async () => {
    const { members, clock, world } = World.restarted("a", "b");
    world.silent.add("b");
    await clock.moveInSteps(2000, 100);
    const asked = members[0]?.queries.ask([record]);
    await clock.moveInSteps(5000, 100);
    expect(members[0]?.members.alive()).toEqual([]);
    expect(await asked).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("finds what a member handed over before it left, even if it left during the query, and much later", async () => {
    const { members, clock } = World.restarted("a", "b");
    const [a, b] = members;
    b?.knownOffsets.track(room, { epoch: "e1", offset: 7 });
    const leaving = b?.handOver.leave();
    const asked = a?.queries.ask([record]);
    expect(await leaving).toBe(true);
    await clock.moveInSteps(1000, 100);
    expect(await asked).toEqual([{ highest: 7, isComplete: true }]);
    clock.move(600_000);
    for (let minute = 0; minute < 10; minute++) a?.knownOffsets.rotate();
    expect(await a?.queries.ask([record])).toEqual([{ highest: 7, isComplete: true }]);
  });

  test("finds what a member handed over that left during the query without having answered", async () => {
    const { members, clock, world } = World.restarted("a", "b");
    const [a, b] = members;
    b?.knownOffsets.track(room, { epoch: "e1", offset: 7 });
    world.silent.add("b");
    const asked = a?.queries.ask([record]);
    await clock.moveInSteps(1000, 100);
    expect(await b?.handOver.leave()).toBe(true);
    await clock.moveInSteps(1000, 100);
    expect(await asked).toEqual([{ highest: 7, isComplete: true }]);
  });

  test("is incomplete without a member whose departure arrived, but not all that it handed over", async () => {
    const { members, clock, world } = World.restarted("a", "b");
    const [a, b] = members;
    for (let n = 0; n < 1500; n++) b?.knownOffsets.remember(`room-${n}` as ChannelName, { epoch: "e1", offset: 7 });
    world.silent.add("a");
    const leaving = b?.handOver.leave(); // sends the first of two messages
    await undefined;
    world.silent.delete("a");
    expect(await leaving).toBe(true);
    world.silent.add("b");
    clock.move(10_000);
    expect(await a?.queries.ask([record])).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("a member that knows of more than 100,000 positions hands nothing over, and does not announce its departure", async () => {
    const { members } = World.restarted("a", "b");
    const [a, b] = members;
    for (let n = 0; n < 100_000; n++) b?.knownOffsets.remember(`room-${n}` as ChannelName, { epoch: "e1", offset: 7 });
    b?.knownOffsets.remember(room, { epoch: "e1", offset: 7 });
    expect(await b?.handOver.leave()).toBe(false);
    expect([a?.members.hasLeft("b"), a?.knownOffsets.all(100_000)]).toEqual([false, []]);
  });

  test("is incomplete if no member was connected under that replication id", async () => {
    const { members } = World.restarted("a", "b");
    const unknown = { ...record, replicationId: "another" };
    expect(await members[0]?.queries.ask([unknown])).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is repeated for a member that has not read the heartbeats yet, and cannot say who else is needed", async () => {
    const { members, clock } = World.restarted("a", "b");
    const [a, b] = members;
    b?.members.connected();
    const asked = a?.queries.ask([record]);
    await clock.moveInSteps(1000, 100);
    b?.members.heartbeatsFound([{ member: "c", replicationId: "before", ageMs: 0 }]);
    b?.members.heartbeatsRead();
    await clock.moveInSteps(4000, 100);
    expect(await asked).toEqual([{ highest: 0, isComplete: false }]);
  });

  test("is answered by a member that was still connected to the replaced server only after it has reconnected", async () => {
    const { members, clock } = World.restarted("a", "b");
    const [a, b] = members;
    b?.knownOffsets.track(room, { epoch: "e1", offset: 5 });
    b?.inUse.add("before");
    const asked = a?.queries.ask([record]);
    await clock.moveInSteps(100, 100);
    expect(b?.inUse.size).toBe(0);
    b?.knownOffsets.track(room, { epoch: "e1", offset: 6 }); // an acknowledgement that was on its way
    await clock.moveInSteps(1000, 100);
    expect(await asked).toEqual([{ highest: 6, isComplete: true }]);
  });

  test("is not asked about a channel whose slot was moved from a server that is still in use", async () => {
    const { members } = World.restarted("a", "b");
    const [a, b] = members;
    for (const it of [a, b]) it?.inUse.add("before");
    expect(await a?.queries.ask([record])).toEqual([{ highest: 0, isComplete: false }]);
    expect(b?.inUse.size).toBe(1);
  });

  test("is repeated for a member that was still reconnecting at first", async () => {
    const { members, clock, world } = World.restarted("a", "b");
    world.silent.add("b");
    members[1]?.knownOffsets.track(room, { epoch: "e1", offset: 6 });
    const asked = members[0]?.queries.ask([record]);
    await clock.moveInSteps(1000, 100);
    world.silent.clear();
    await clock.moveInSteps(1000, 100);
    expect(await asked).toEqual([{ highest: 6, isComplete: true }]);
  });
});
