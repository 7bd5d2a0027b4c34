import { describe, expect, test } from "bun:test";
import { Roster, type RosterChange } from "./roster.ts";

function world() {
  const news: RosterChange[] = [];
  let changes = 0;
  const roster = new Roster(
    () => changes++,
    (change) => news.push(change),
  );
  return { roster, news, changes: () => changes };
}

const came = (userId: string, more = 1): RosterChange => ({
  connections: more,
  users: [[userId, more]],
  hasJoined: more > 0,
  hasLeft: more < 0,
});

describe("a worker's own report", () => {
  test("contains the changes since the last one, each user once", () => {
    const { roster, changes } = world();
    roster.count("alice", 1, true);
    roster.count("alice", 1, true);
    roster.count("bob", 1, false);
    roster.count(undefined, 1, false);
    expect(changes()).toBe(4);
    const users: [string, number][] = [
      ["alice", 2],
      ["bob", 1],
    ];
    expect(roster.takeChanges()).toEqual({ connections: 4, users, hasJoined: true, hasLeft: false });
    expect(roster.takeChanges()).toBeUndefined();
  });

  test("counts the streams that ended to resume, and those that resumed", () => {
    const { roster } = world();
    roster.count(undefined, 1, "pause");
    roster.count(undefined, 1, "pause");
    roster.count(undefined, -1, "pause");
    const news = { hasJoined: false, hasLeft: false, paused: 1, resumed: 2 };
    expect(roster.takeChanges()).toEqual({ connections: 1, users: [], ...news });
  });

  test("lists no user who came and left in between, but counts both events", () => {
    const { roster } = world();
    roster.count("alice", 1, true);
    roster.count("alice", -1, true);
    expect(roster.takeChanges()).toEqual({ connections: 0, users: [], hasJoined: true, hasLeft: true });
    expect([roster.online, roster.isConnected("alice")]).toEqual([0, false]);
  });

  test("lists a user who left as gone", () => {
    const { roster } = world();
    roster.count("alice", 1, false);
    roster.takeChanges();
    roster.count("alice", -1, false);
    expect(roster.takeChanges()).toEqual({
      connections: -1,
      users: [["alice", -1]],
      hasJoined: false,
      hasLeft: false,
    });
  });

  test("is part of its snapshot, reported or not", () => {
    const { roster } = world();
    roster.count("alice", 1, true);
    expect(roster.snapshot()).toEqual({ connections: 1, users: [["alice", 1]] });
  });
});

describe("a worker with more users than the limit", () => {
  const withUsers = (count: number) => {
    const roster = new Roster(
      () => undefined,
      () => undefined,
      4,
    );
    for (let n = 0; n < count; n++) roster.count(`u${n}`, 1, true);
    return roster;
  };

  test("lists all of them at the limit", () => {
    const roster = withUsers(4);
    expect(roster.snapshot().users).toHaveLength(4);
    expect(roster.takeSnapshotRequest()).toBe(false);
  });

  test("lists none above the limit, and makes the others drop the users that they know", () => {
    const roster = withUsers(5);
    expect(roster.takeChanges()).toEqual({ connections: 5, users: [], hasJoined: true, hasLeft: false });
    expect(roster.snapshot()).toEqual({ connections: 5, users: [] });
    expect([roster.takeSnapshotRequest(), roster.takeSnapshotRequest()]).toEqual([true, false]);
    expect(roster.isConnected("u4")).toBe(true);
  });

  test("lists them again only below half of it", () => {
    const roster = withUsers(5);
    roster.takeSnapshotRequest();
    for (const n of [0, 1]) roster.count(`u${n}`, -1, false);
    expect([roster.snapshot().users.length, roster.takeSnapshotRequest()]).toEqual([0, false]);
    roster.count("u2", -1, false);
    expect([roster.snapshot().users.length, roster.takeSnapshotRequest()]).toEqual([2, true]);
  });
});

describe("the report of another worker", () => {
  test("counts from its snapshot on, which contains everything before it", () => {
    const { roster, news } = world();
    roster.change("m1", came("early"));
    expect([roster.online, roster.knows("m1"), news.length]).toEqual([0, false, 0]);
    roster.replace("m1", { connections: 1, users: [["early", 1]] });
    roster.change("m1", came("late"));
    expect([roster.online, roster.isConnected("early"), roster.isConnected("late")]).toEqual([2, true, true]);
    expect(news).toEqual([came("late")]);
  });

  test("is replaced by a repeated snapshot", () => {
    const { roster } = world();
    roster.replace("m1", { connections: 2, users: [["alice", 2]] });
    roster.replace("m1", { connections: 1, users: [["bob", 1]] });
    expect([roster.online, roster.isConnected("alice"), roster.isConnected("bob")]).toEqual([1, false, true]);
  });

  test("is dropped when that worker leaves, and no other", () => {
    const { roster } = world();
    roster.count("alice", 1, false);
    roster.replace("m1", {
      connections: 2,
      users: [
        ["alice", 1],
        ["bob", 1],
      ],
    });
    roster.replace("m2", { connections: 1, users: [["bob", 1]] });
    roster.forget("m1");
    roster.forget("nobody");
    roster.change("m1", came("ghost"));
    expect(roster.online).toBe(2);
    expect(["alice", "bob", "ghost"].map((it) => roster.isConnected(it))).toEqual([true, true, false]);
  });

  test("about a user who left leaves no trace once the last connection has closed", () => {
    const { roster } = world();
    roster.replace("m1", { connections: 2, users: [["alice", 2]] });
    roster.change("m1", came("alice", -1));
    expect(roster.isConnected("alice")).toBe(true);
    roster.change("m1", came("alice", -1));
    expect([roster.online, roster.isConnected("alice")]).toEqual([0, false]);
  });
});
