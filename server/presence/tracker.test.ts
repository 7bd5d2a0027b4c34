import { expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { turn } from "../../tests/waiting.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { noEpoch, type PresenceChange, type PresenceStore } from "./presence-store.ts";
import { graceMs, PresenceTracker } from "./tracker.ts";

const room = "room" as ChannelName;
const arrival = { holder: "c1", over: undefined, resumes: false, userId: "alice", info: undefined, since: 0 };

/** A tracker, and what its store was asked to do. */
function begin(size = 100) {
  const clock = new MovedClock();
  const done: string[] = [];
  let answer: () => Promise<void> = turn; // as over a network
  const listed = new Set<string>();
  const store: PresenceStore = {
    start: async () => undefined,
    apply: async (_, changes: readonly PresenceChange[], most) => {
      await answer();
      for (const { kind, holder } of changes) {
        done.push(`${kind} ${holder}`);
        if (kind === "leave") listed.delete(holder);
        else if (kind === "join" && listed.size < most) listed.add(holder);
      }
      return changes.flatMap(({ kind, holder }) => (kind === "join" && !listed.has(holder) ? holder : []));
    },
    watch: async () => ({ epoch: noEpoch, position: 0 }),
    unwatch: (channel) => done.push(`unwatch ${channel}`),
    read: async () => {
      done.push("read");
      return { epoch: noEpoch, position: 0, count: listed.size, presences: [], hasMore: false };
    },
    close: async () => void done.push("close"),
  };
  const breakStore = () => {
    answer = () => new Promise(() => undefined);
  };
  return { clock, done, breakStore, tracker: new PresenceTracker(store, { clock, size }, () => undefined) };
}

test("a connection that ended leaves after the grace", async () => {
  const { clock, done, tracker } = begin();
  tracker.join(room, arrival);
  tracker.end("c1", [room]);
  await clock.moveInSteps(graceMs - 100, 100);
  expect(done).toEqual(["release c1"]); // the last change stands for those before
  await clock.moveInSteps(200, 100);
  await turn();
  expect(done).toEqual(["release c1", "leave c1"]);
});

test("before the server ends a connection, the store knows that its presence can be taken over", async () => {
  const { clock, done, tracker } = begin();
  tracker.join(room, arrival);
  await tracker.read(room, { after: "", limit: 1 });
  await tracker.release("c1", [room, "elsewhere" as ChannelName]);
  expect(done).toEqual(["join c1", "read", "release c1"]);
  expect(clock.pending).toBe(0);
  tracker.end("c1", [room]);
  await clock.moveInSteps(graceMs + 100, 100);
  await turn();
  expect(done).toEqual(["join c1", "read", "release c1", "release c1", "leave c1"]);
});

test("the end of a connection waits at most a second for a store that is away", async () => {
  const { clock, tracker, breakStore } = begin();
  tracker.join(room, arrival);
  await turn();
  breakStore();
  let isReleased = false;
  void tracker.release("c1", [room]).then(() => {
    isReleased = true;
  });
  await clock.moveInSteps(900, 100);
  expect(isReleased).toBe(false);
  await clock.moveInSteps(100, 100);
  expect(isReleased).toBe(true);
});

test("a connection that was given its presence back in time does not leave", async () => {
  const { clock, done, tracker } = begin();
  tracker.join(room, arrival);
  tracker.end("c1", [room]);
  tracker.join(room, arrival);
  await clock.moveInSteps(graceMs * 2, 100);
  await turn();
  expect(done).toEqual(["join c1"]);
});

test("an answer includes the changes of this worker that are not stored yet", async () => {
  const { done, tracker } = begin();
  tracker.join(room, arrival);
  await tracker.read(room, { after: "", limit: 1 });
  expect(done).toEqual(["join c1", "read"]);
});

test("what has just ended is stored before the store is closed", async () => {
  const { done, tracker } = begin();
  tracker.join(room, arrival);
  tracker.end("c1", [room]);
  await tracker.close();
  expect(done).toEqual(["release c1", "close"]);
});

test("a channel that the last connection has left is not watched any more", async () => {
  const { clock, done, tracker } = begin();
  await tracker.watched.ready(room);
  tracker.join(room, arrival);
  await clock.moveInSteps(60_000, 1000);
  expect(done).toEqual(["join c1"]);
  tracker.leave(room, "c1");
  await clock.moveInSteps(60_000, 1000);
  expect(done).toEqual(["join c1", "leave c1", "unwatch room"]);
});

test("a connection that a full channel does not list is listed soon after another one has left", async () => {
  const { clock, done, tracker } = begin(2);
  for (const holder of ["c1", "c2", "c3", "c4"]) tracker.join(room, { ...arrival, holder });
  await clock.moveInSteps(1100, 100);
  expect(tracker.unlisted).toBe(2);
  tracker.leave(room, "c1");
  done.length = 0;
  await clock.moveInSteps(3000, 100);
  expect(done.filter((it) => it !== "read")).toEqual(["leave c1", "join c3"]);
  expect(tracker.unlisted).toBe(1);
});

test("a connection that leaves before it is listed is not tried again", async () => {
  const { clock, done, tracker } = begin(1);
  for (const holder of ["c1", "c2"]) tracker.join(room, { ...arrival, holder });
  await clock.moveInSteps(100, 100);
  tracker.leave(room, "c2");
  expect(tracker.unlisted).toBe(0);
  tracker.leave(room, "c1");
  await clock.moveInSteps(20_000, 100);
  expect(done.filter((it) => it.startsWith("join"))).toEqual(["join c1", "join c2"]);
  expect(clock.pending).toBe(0);
});
