import { describe, expect, test } from "bun:test";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Heartbeat } from "./heartbeat.ts";

/** A heartbeat of 30 s with a timeout of 10 s, and one peer. */
function makeHeartbeat() {
  const clock = new MovedClock();
  const heartbeat = new Heartbeat({ interval: 30_000, timeout: 10_000 }, clock);
  const peer = new FakeConnection();
  heartbeat.add(peer);
  return { clock, heartbeat, peer };
}

describe("a heartbeat", () => {
  test("pings once per interval while it gets answers", () => {
    const { clock, heartbeat, peer } = makeHeartbeat();
    for (let minute = 0; minute < 60; minute++) {
      for (let second = 0; second < 60; second++) {
        clock.move(1000);
        heartbeat.seen(peer);
      }
    }
    expect([peer.pings, peer.closedWith]).toEqual([120, undefined]);
  });

  test("closes a peer that does not answer within the timeout with 4009", () => {
    const { clock, peer } = makeHeartbeat();
    clock.move(31_000);
    expect(peer.pings).toBe(1);
    clock.move(8999);
    expect(peer.closedWith).toBeUndefined();
    clock.move(1001);
    expect(peer.closedWith?.name).toBe("no-pong");
  });

  test("counts any message as an answer", () => {
    const { clock, heartbeat, peer } = makeHeartbeat();
    clock.move(31_000);
    heartbeat.seen(peer);
    clock.move(25_000);
    expect([peer.pings, peer.closedWith]).toEqual([1, undefined]);
  });

  test("tells an answer from a message that nobody asked for", () => {
    const { clock, heartbeat, peer } = makeHeartbeat();
    expect(heartbeat.seen(peer)).toBe(false);
    clock.move(31_000);
    expect([heartbeat.seen(peer), heartbeat.seen(peer)]).toEqual([true, false]);
  });

  test("pings a peer in doubt at once, and waits for one answer only", () => {
    const { clock, heartbeat, peer } = makeHeartbeat();
    heartbeat.probe(peer);
    heartbeat.probe(peer);
    expect(peer.pings).toBe(1);
    clock.move(9000);
    expect(peer.closedWith).toBeUndefined();
    clock.move(2000);
    expect(peer.closedWith?.name).toBe("no-pong");
  });

  test("pauses while bytes are buffered, since the ping may be behind them, and continues afterwards", () => {
    const { clock, peer } = makeHeartbeat();
    clock.move(31_000);
    peer.stall();
    peer.send(['{"type":"pong"}']);
    clock.move(100_000);
    expect([peer.pings, peer.closedWith]).toEqual([1, undefined]);
    peer.resume();
    clock.move(31_000);
    expect(peer.pings).toBe(2);
    clock.move(11_000);
    expect(peer.closedWith?.name).toBe("no-pong");
  });

  test("each peer has its own deadline", () => {
    const { clock, heartbeat, peer } = makeHeartbeat();
    clock.move(15_000);
    const later = new FakeConnection();
    heartbeat.add(later);
    clock.move(27_000);
    expect([peer.closedWith?.name, later.closedWith]).toEqual(["no-pong", undefined]);
    clock.move(15_000);
    expect(later.closedWith?.name).toBe("no-pong");
  });

  test("forgets a peer that left, also during a ping", () => {
    const { clock, heartbeat, peer } = makeHeartbeat();
    clock.move(31_000);
    heartbeat.remove(peer);
    clock.move(100_000);
    expect([peer.pings, peer.closedWith]).toEqual([1, undefined]);
  });

  test("does nothing after the end", () => {
    const { clock, heartbeat, peer } = makeHeartbeat();
    heartbeat.close();
    heartbeat.close();
    clock.move(100_000);
    expect([peer.pings, peer.closedWith]).toEqual([0, undefined]);
  });

  test("works with the short times of a test", () => {
    const clock = new MovedClock();
    const heartbeat = new Heartbeat({ interval: 100, timeout: 100 }, clock);
    const peer = new FakeConnection();
    heartbeat.add(peer);
    clock.move(190);
    expect([peer.pings, peer.closedWith]).toEqual([1, undefined]);
    clock.move(50);
    expect(peer.closedWith?.name).toBe("no-pong");
  });

  test("closes a peer whose ping throws with 1011, and continues with the others", () => {
    const { clock, heartbeat, peer } = makeHeartbeat();
    const faulty = new FakeConnection();
    faulty.ping = () => {
      throw new Error("a bug");
    };
    heartbeat.add(faulty);
    const later = new FakeConnection();
    clock.move(15_000);
    heartbeat.add(later);
    for (let second = 0; second < 70; second++) {
      clock.move(1000);
      for (const it of [peer, later]) heartbeat.seen(it);
    }
    expect([faulty.closedWith?.name, peer.pings, later.pings]).toEqual(["internal", 2, 2]);
  });

  test("continues if a silent peer cannot be closed", () => {
    const { clock, heartbeat, peer } = makeHeartbeat();
    peer.close = () => {
      throw new Error("a bug");
    };
    const other = new FakeConnection();
    heartbeat.add(other);
    clock.move(45_000);
    expect(other.closedWith?.name).toBe("no-pong");
  });
});
