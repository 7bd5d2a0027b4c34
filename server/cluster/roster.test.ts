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

describe("what a worker tells of its own", () => {
  test("is what changed since it told last, each user once", () => {
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

  test("counts the streams that ended only to resume, and those that did", () => {
    const { roster } = world();
    roster.count(undefined, 1, "pause");
    roster.count(undefined, 1, "pause");
    roster.count(undefined, -1, "pause");
    const news = { hasJoined: false, hasLeft: false, paused: 1, resumed: 2 };
    expect(roster.takeChanges()).toEqual({ connections: 1, users: [], ...news });
  });

  test("is no user at all where one came and left meanwhile, but people hear of both", () => {
    const { roster } = world();
    roster.count("alice", 1, true);
    roster.count("alice", -1, true);
    expect(roster.takeChanges()).toEqual({ connections: 0, users: [], hasJoined: true, hasLeft: true });
    expect([roster.online, roster.isConnected("alice")]).toEqual([0, false]);
  });

  test("is a user less where one left who came long ago", () => {
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

  test("is in its picture, told or not", () => {
    const { roster } = world();
    roster.count("alice", 1, true);
    expect(roster.snapshot()).toEqual({ connections: 1, users: [["alice", 1]] });
  });
});

describe("a worker with more users than are named", () => {
  const withUsers = (count: number) => {
    const roster = new Roster(
      () => undefined,
      () => undefined,
      4,
    );
    for (let n = 0; n < count; n++) roster.count(`u${n}`, 1, true);
    return roster;
  };

  test("names them all at the limit", () => {
    const roster = withUsers(4);
    expect(roster.snapshot().users).toHaveLength(4);
    expect(roster.takeSnapshotRequest()).toBe(false);
  });

  test("names nobody one past it, and has the others forget the names that they know", () => {
    const roster = withUsers(5);
    expect(roster.takeChanges()).toEqual({ connections: 5, users: [], hasJoined: true, hasLeft: false });
    expect(roster.snapshot()).toEqual({ connections: 5, users: [] });
    expect([roster.takeSnapshotRequest(), roster.takeSnapshotRequest()]).toEqual([true, false]);
    expect(roster.isConnected("u4")).toBe(true);
  });

  test("names them again only at half of it", () => {
    const roster = withUsers(5);
    roster.takeSnapshotRequest();
    for (const n of [0, 1]) roster.count(`u${n}`, -1, false);
    expect([roster.snapshot().users.length, roster.takeSnapshotRequest()]).toEqual([0, false]);
    roster.count("u2", -1, false);
    expect([roster.snapshot().users.length, roster.takeSnapshotRequest()]).toEqual([2, true]);
  });
});

describe("what others tell", () => {
  test("counts from their picture on; what came before it is in it", () => {
    const { roster, news } = world();
    roster.change("m1", came("early"));
    expect([roster.online, roster.knows("m1"), news.length]).toEqual([0, false, 0]);
    roster.replace("m1", { connections: 1, users: [["early", 1]] });
    roster.change("m1", came("late"));
    expect([roster.online, roster.isConnected("early"), roster.isConnected("late")]).toEqual([2, true, true]);
    expect(news).toEqual([came("late")]);
  });

  test("a picture that comes again takes the place of the first", () => {
    const { roster } = world();
    roster.replace("m1", { connections: 2, users: [["alice", 2]] });
    roster.replace("m1", { connections: 1, users: [["bob", 1]] });
    expect([roster.online, roster.isConnected("alice"), roster.isConnected("bob")]).toEqual([1, false, true]);
  });

  test("is forgotten with them, and only theirs", () => {
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

  test("that a user left leaves no trace once the last connection has gone", () => {
    const { roster } = world();
    roster.replace("m1", { connections: 2, users: [["alice", 2]] });
    roster.change("m1", came("alice", -1));
    expect(roster.isConnected("alice")).toBe(true);
    roster.change("m1", came("alice", -1));
    expect([roster.online, roster.isConnected("alice")]).toEqual([0, false]);
  });
});
