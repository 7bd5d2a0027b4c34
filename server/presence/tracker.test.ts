import { expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { turn } from "../../tests/waiting.ts";
import { configureLogging } from "../lib/logging.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { type Arrival, noEpoch, type PresenceChange, type PresenceStore } from "./presence-store.ts";
import { graceMs, PresenceTracker } from "./tracker.ts";
import { presenceUnavailable } from "./unavailable.ts";

const room = "room" as ChannelName;
const arrival = { holder: "c1", over: undefined, resumes: false, userId: "alice", info: undefined, since: 0 };

/** A tracker, and what its store was asked to do. */
function begin(size = 100, bytes = 1_000_000) {
  const clock = new MovedClock();
  const done: string[] = [];
  let answer: () => Promise<void> = turn; // as over a network
  const listed = new Set<string>();
  const noted: boolean[] = [];
  const store: PresenceStore = {
    start: async () => undefined,
    apply: async (_, changes: readonly PresenceChange[], most) => {
      await answer();
      for (const change of changes) {
        const { kind, holder } = change;
        done.push(`${kind} ${holder}`);
        if (kind === "leave") listed.delete(holder);
        else if (kind === "join" && change.over !== undefined && listed.delete(change.over)) listed.add(holder);
        else if (kind === "join" && change.hasPlace && listed.size < most) listed.add(holder);
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
  const failStore = (error: Error) => {
    answer = () => Promise.reject(error);
  };
  const tracker = new PresenceTracker(store, { clock, size, bytes }, () => undefined);
  tracker.onUnlisted = (hasSome) => noted.push(hasSome);
  return { clock, done, breakStore, failStore, tracker, listed, noted };
}

test("a connection that ended leaves after the grace", async () => {
  const { clock, done, tracker } = begin();
  tracker.join(room, arrival);
  tracker.end("c1", [room]);
  await clock.moveInSteps(graceMs - 100, 100);
  expect(done).toEqual(["release c1"]); // the last change replaces those before
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

test("the end of a connection waits at most a second for a store that does not respond", async () => {
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

test("connections that have just ended are stored before the store is closed", async () => {
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

/** The cost of one connection of alice in a channel of its own, see PresencePlaces. */
const cost = 1150 + 2 * (64 + 5) + 1500 + (64 + 5);
const roomOf = (number: number) => `room${number}` as ChannelName;

test("at the limit of bytes over all channels everyone is listed, and one past it is not", async () => {
  const { clock, tracker, listed, noted } = begin(100, 3 * cost);
  const join = (number: number, more: Partial<Arrival> = {}) =>
    tracker.join(roomOf(number), { ...arrival, holder: `c${number}`, ...more });
  for (const number of [1, 2, 3]) join(number);
  await clock.moveInSteps(500, 100);
  expect([tracker.unlisted, noted]).toEqual([0, []]);
  join(4);
  join(5);
  await clock.moveInSteps(5000, 100);
  expect([...listed]).toEqual(["c1", "c2", "c3"]);
  expect([tracker.unlisted, tracker.unlistedIn(roomOf(4)), noted]).toEqual([2, 1, [true]]);

  tracker.end("c1", [roomOf(1)]);
  await clock.moveInSteps(graceMs - 100, 100);
  expect(tracker.unlisted).toBe(2); // its client may reconnect
  await clock.moveInSteps(1500, 100);
  expect([...listed]).toEqual(["c2", "c3", "c4"]);
  tracker.leave(roomOf(2), "c2");
  await clock.moveInSteps(1500, 100);
  expect([...listed]).toEqual(["c3", "c4", "c5"]);
  expect([tracker.unlisted, noted]).toEqual([0, [true, false]]);
  expect(clock.pending).toBe(0);
});

test("a larger info takes more of the bytes", async () => {
  const { clock, tracker, listed } = begin(100, 3 * cost);
  const info = `"${"x".repeat(1000)}"`;
  for (const number of [1, 2, 3]) tracker.join(roomOf(number), { ...arrival, holder: `c${number}`, info });
  await clock.moveInSteps(500, 100);
  expect([...listed]).toEqual(["c1"]);
});

test("a connection that moves while the memory is full keeps its place in the list, and frees it at the end", async () => {
  const { clock, tracker, listed } = begin(100, cost);
  tracker.join(room, { ...arrival, holder: "c1" });
  await clock.moveInSteps(500, 100);
  tracker.join(room, { ...arrival, holder: "c2", over: "c1" });
  tracker.end("c1", [room]);
  await clock.moveInSteps(graceMs * 2, 100);
  expect([[...listed], tracker.unlisted]).toEqual([["c2"], 0]);
  tracker.join(roomOf(1), { ...arrival, holder: "c3" });
  await clock.moveInSteps(1500, 100);
  expect(tracker.unlisted).toBe(1);
  tracker.leave(room, "c2");
  await clock.moveInSteps(1500, 100);
  expect([...listed]).toEqual(["c3"]);
});

test("while there is no room, the store is not asked about any channel, and afterwards about few at a time", async () => {
  const { clock, done, tracker } = begin(100, cost);
  for (let number = 1; number <= 300; number++) tracker.join(roomOf(number), { ...arrival, holder: `c${number}` });
  await clock.moveInSteps(5000, 100);
  expect([tracker.unlisted, done.filter((it) => it === "read")]).toEqual([299, []]);
  tracker.leave(roomOf(1), "c1");
  await clock.moveInSteps(1000, 100);
  expect(done.filter((it) => it === "read")).toHaveLength(100);
  expect(tracker.unlisted).toBe(298);
});

test("presences that the store has lost are stored again, with the places that they had", async () => {
  const { clock, tracker, listed } = begin(100, 2 * cost);
  for (const number of [1, 2, 3]) tracker.join(roomOf(number), { ...arrival, holder: `c${number}` });
  await clock.moveInSteps(500, 100);
  listed.clear();
  tracker.storeAgain();
  await clock.moveInSteps(500, 100);
  expect([[...listed], tracker.unlisted]).toEqual([["c1", "c2"], 1]);
});

test("a store that is unavailable is logged in one line, however often it is tried", async () => {
  const lines: string[] = [];
  configureLogging({ level: "INFO", format: "{level} {message}", write: (line) => void lines.push(line) });
  const { clock, failStore, tracker } = begin();
  failStore(presenceUnavailable("Redis does not answer", 1000, new Error("not connected")));
  tracker.join(room, arrival);
  await clock.moveInSteps(1000, 50);
  expect(lines).toEqual([
    "WARNING Presences cannot be stored now, and are retried later: presence is not available right now: Redis does not answer\n",
  ]);
});
