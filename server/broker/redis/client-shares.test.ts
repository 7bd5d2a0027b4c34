import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { type ClientShareLimits, ClientShares } from "./client-shares.ts";

const rules = { historySize: 1000, historyTtl: 60_000, historyBytes: 1000 };

function begin(limits: Partial<ClientShareLimits> = {}) {
  const clock = new MovedClock();
  const usual = { maxBytes: 5000, maxChannels: 10, channelTtlMs: 3_600_000, maxEntries: 1000 };
  const shares = new ClientShares({ ...usual, ...limits }, clock);
  /** The error code, or "stored". */
  const store = (who: string, channel: string, bytes = 100, its: typeof rules | undefined = rules) => {
    try {
      shares.charge(who, channel as ChannelName, bytes, its);
      return "stored";
    } catch (error) {
      return error instanceof ServiceError ? error.code : error;
    }
  };
  return { clock, shares, store };
}

describe("the messages of one client", () => {
  test("may take its share, and no more; others are not affected", () => {
    const { store } = begin();
    for (let at = 0; at < 5; at++) expect(store("user:mallory", `c${at}`, 1000)).toBe("stored");
    expect(store("user:mallory", "c5", 1)).toBe("rate-limited");
    expect(store("user:alice", "c5", 1000)).toBe("stored");
  });

  test("count in a channel only as far as its rules keep them", () => {
    const { store } = begin();
    for (let at = 0; at < 1000; at++) expect(store("user:alice", "chat", 300)).toBe("stored");
    for (let at = 0; at < 4; at++) expect(store("user:alice", `c${at}`, 1000)).toBe("stored");
    expect(store("user:alice", "more", 1)).toBe("rate-limited");
    expect(store("user:alice", "chat", 300)).toBe("stored"); // it replaces an older one
  });

  test("count until they have expired", () => {
    const { clock, store } = begin();
    for (let at = 0; at < 5; at++) store("user:alice", `c${at}`, 1000);
    clock.move(59_999);
    expect(store("user:alice", "new", 100)).toBe("rate-limited");
    clock.move(1);
    expect(store("user:alice", "new", 100)).toBe("stored");
  });

  test("still count after the client has subscribed to their channel", () => {
    const { store } = begin();
    for (let at = 0; at < 5; at++) store("user:alice", `c${at}`, 1000);
    expect(store("user:alice", "c0", 0, undefined)).toBe("stored");
    expect(store("user:alice", "new", 100)).toBe("rate-limited");
  });

  test("no longer count in a channel that is used again after they have expired", () => {
    const { clock, store } = begin();
    for (let at = 0; at < 4; at++) store("user:alice", `c${at}`, 1000);
    store("user:alice", "chat", 900);
    clock.move(60_000);
    for (let at = 0; at < 4; at++) expect(store("user:alice", `c${at}`, 100)).toBe("stored");
    expect(store("user:alice", "chat", 900)).toBe("stored");
    for (let at = 0; at < 3; at++) expect(store("user:alice", `d${at}`, 1000)).toBe("stored");
  });

  test("do not count where nothing is stored", () => {
    const { store } = begin();
    for (let at = 0; at < 100; at++) {
      expect(store("user:alice", "ticks", 1000, { ...rules, historySize: 0 })).toBe("stored");
    }
  });

  test("that were refused do not count", () => {
    const { clock, store } = begin();
    for (let at = 0; at < 5; at++) store("user:alice", `c${at}`, 1000);
    clock.move(30_000);
    for (let at = 0; at < 100; at++) expect(store("user:alice", `refused${at}`, 500)).not.toBe("stored");
    clock.move(30_000);
    for (let at = 0; at < 5; at++) expect(store("user:alice", `d${at}`, 1000)).toBe("stored");
  });
});

describe("the channels of one client", () => {
  test("are limited, until they are forgotten; known ones can be used", () => {
    const { clock, store } = begin();
    for (let at = 0; at < 10; at++) expect(store("user:mallory", `c${at}`, 0, undefined)).toBe("stored");
    expect(store("user:mallory", "c10", 0, undefined)).toBe("too-many-channels");
    expect(store("user:mallory", "c3", 10)).toBe("stored");
    expect(store("user:alice", "c10", 0, undefined)).toBe("stored");
    clock.move(3_600_000);
    expect(store("user:mallory", "c10", 0, undefined)).toBe("stored");
  });
});

test("the memory for counting is bounded: the clients that were not active for longest are forgotten", () => {
  const { shares, store } = begin({ maxEntries: 25 });
  for (let user = 0; user < 100; user++) for (let at = 0; at < 10; at++) store(`user:${user}`, `c${at}`);
  expect(shares.entries).toBe(25);
  expect(store("user:99", "c10")).toBe("too-many-channels");
  expect(store("user:0", "c10")).toBe("stored");
});

test("what a client has in a forgotten channel does not count", () => {
  const { store } = begin({ maxBytes: 3600, maxEntries: 3 });
  for (let at = 0; at < 100; at++) expect(store("user:alice", `c${at}`, 900)).toBe("stored");
});
