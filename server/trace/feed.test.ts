import { describe, expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { Feed, type FeedBatch } from "./feed.ts";
import { isWanted, type TailEvent } from "./tail-event.ts";

function watched(filter: Parameters<Feed["watch"]>[0] = {}) {
  const clock = new MovedClock();
  const feed = new Feed(clock);
  const batches: FeedBatch[] = [];
  const stop = feed.watch(filter, (batch) => batches.push(batch));
  return { clock, feed, batches, stop };
}

describe("the feed", () => {
  test("is not watched before the first listener and after the last one", () => {
    const { feed, stop } = watched();
    expect(feed.isWatched).toBe(true);
    stop();
    expect(feed.isWatched).toBe(false);
    expect(new Feed(new MovedClock()).isWatched).toBe(false);
  });

  test("passes on events together in a later turn, in order", () => {
    const { clock, feed, batches } = watched();
    feed.report({ kind: "connected", connection: "c_1" });
    feed.report({ kind: "published", channel: "room:1" });
    expect(batches).toEqual([]);
    clock.move(200);
    expect(batches.map(({ events }) => events.map(({ kind }) => kind))).toEqual([["connected", "published"]]);
    clock.move(1000);
    expect(batches).toHaveLength(1);
  });

  test("passes on 500 at a time, and counts the rest as dropped", () => {
    const { clock, feed, batches } = watched();
    for (let n = 0; n < 500; n++) feed.report({ kind: "published", channel: "a" });
    clock.move(200);
    for (let n = 0; n < 501; n++) feed.report({ kind: "published", channel: "a" });
    clock.move(200);
    feed.report({ kind: "published", channel: "a" });
    clock.move(200);
    expect(batches.map(({ events, dropped }) => [events.length, dropped])).toEqual([
      [500, 0],
      [500, 1],
      [1, 0],
    ]);
  });

  test("passes on only the events that the listener wants", () => {
    const { clock, feed, batches } = watched({ channel: "room:*" });
    feed.report({ kind: "published", channel: "other" });
    clock.move(200);
    expect(batches).toEqual([]);
    feed.report({ kind: "published", channel: "room:2" });
    clock.move(200);
    expect(batches).toHaveLength(1);
  });
});

describe("a filter", () => {
  const event: TailEvent = { kind: "published", at: 0, channel: "room:1", user: "u1" };

  test.each([
    [{}, true],
    [{ channel: "room:1" }, true],
    [{ channel: "room:*" }, true],
    [{ channel: "room:2" }, false],
    [{ user: "u1" }, true],
    [{ user: "u2" }, false],
    [{ kinds: ["published"] as const }, true],
    [{ kinds: ["refused"] as const }, false],
    [{ channel: "room:1", user: "u1", kinds: ["published"] as const }, true],
  ])("%j: %p", (filter, wanted) => {
    expect(isWanted(filter, event)).toBe(wanted);
  });

  test("by user includes publications to the user", () => {
    expect(isWanted({ user: "u2" }, { kind: "published", at: 0, channel: "@u2" })).toBe(true);
  });

  test("by channel excludes events without one", () => {
    expect(isWanted({ channel: "*" }, { kind: "connected", at: 0 })).toBe(false);
  });
});
