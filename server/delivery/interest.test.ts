import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import { makePublication, makePush, room } from "../../tests/fakes/publication.ts";
import { ChunkPool } from "../broker/records/chunk-pool.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Interest } from "./interest.ts";
import type { ListenedChannel } from "./listened-channel.ts";

const other = "other" as ChannelName;

/** A broker that answers listen requests when the test says so. */
function makeInterest() {
  const clock = new MovedClock();
  const steps: string[] = [];
  const answers: { resolve(top: Position): void; reject(error: Error): void }[] = [];
  const budget = { perChannel: 10_000, total: 10_000, bytes: 0, chunks: new ChunkPool() };
  const broker = {
    listen: (channel: ChannelName) => {
      steps.push(`listen ${channel}`);
      return new Promise<Position>((resolve, reject) => answers.push({ resolve, reject }));
    },
    unlisten: async (channel: ChannelName) => {
      steps.push(`unlisten ${channel}`);
    },
  };
  const interest = new Interest(broker, budget, clock);
  const replayed: number[] = [];
  return {
    clock,
    steps,
    budget,
    interest,
    replayed,
    hold: (name = room) => interest.hold(name, ({ offset }) => replayed.push(offset)),
    async answer(offset = 0) {
      answers.shift()?.resolve({ epoch: "e1", offset });
      await settle();
    },
    async refuse() {
      answers.shift()?.reject(new Error("away"));
      await settle();
    },
    linger: () => clock.moveInSteps(10_000, 1000),
  };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A channel that is held. */
async function held(it: ReturnType<typeof makeInterest>): Promise<ListenedChannel> {
  const holding = it.hold();
  await settle();
  await it.answer();
  return holding;
}

describe("interest", () => {
  test("sends the broker one request for any number of holders, who then hold the channel at once", async () => {
    const it = makeInterest();
    const first = it.hold();
    const second = it.hold();
    await settle();
    await it.answer(7);
    expect(await first).toBe(await second);
    expect(it.hold()).toBe(await first);
    expect([(await first).flushed, it.steps]).toEqual([7, ["listen room"]]);
  });

  test("one channel does not wait for another", async () => {
    const it = makeInterest();
    void it.hold(room);
    void it.hold(other);
    await settle();
    expect(it.steps).toEqual(["listen room", "listen other"]);
  });

  test("keeps a channel without holders for a while, then stops listening", async () => {
    const it = makeInterest();
    await held(it);
    it.interest.release(room);
    await it.clock.moveInSteps(9999, 1000);
    expect(it.interest.get(room)).toBeDefined();
    await it.clock.moveInSteps(1, 1);
    expect([it.interest.get(room), it.interest.size, it.steps]).toEqual([
      undefined,
      0,
      ["listen room", "unlisten room"],
    ]);
  });

  test("keeps a channel that is held again while it lingers", async () => {
    const it = makeInterest();
    const channel = await held(it);
    it.interest.release(room);
    await it.clock.moveInSteps(5000, 1000);
    expect(it.hold()).toBe(channel);
    await it.linger();
    expect([it.interest.get(room), it.steps]).toEqual([channel, ["listen room"]]);
  });

  test("each hold is released by its own release function", async () => {
    const it = makeInterest();
    await held(it);
    void it.hold();
    it.interest.release(room);
    await it.linger();
    expect(it.interest.get(room)).toBeDefined();
  });

  test("a join that crosses a leave keeps the channel", async () => {
    const it = makeInterest();
    await held(it);
    it.interest.release(room);
    it.clock.move(10_000);
    const again = it.hold();
    await settle();
    await it.answer(3);
    expect((await again).flushed).toBe(3);
    expect(it.steps.at(-1)).toBe("listen room");
    expect([it.interest.size, it.interest.get(room)]).toEqual([1, await again]);
  });

  test("deliveries that arrive before the answer are replayed in order", async () => {
    const it = makeInterest();
    const holding = it.hold();
    await settle();
    for (const offset of [8, 9]) it.interest.keepEarly(makePublication(offset));
    await it.answer(7);
    await holding;
    expect(it.replayed).toEqual([8, 9]);
  });

  test("drops deliveries for channels that nobody requested", () => {
    const it = makeInterest();
    it.interest.keepEarly(makePublication(8));
    expect(it.interest.size).toBe(0);
  });

  test("a refusal rejects all pending holds, holds nothing, and the next hold sends a new request", async () => {
    const it = makeInterest();
    const asked = Promise.allSettled([it.hold(), it.hold()]);
    await settle();
    await it.refuse();
    await it.refuse();
    expect((await asked).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const again = it.hold();
    await settle();
    await it.answer(4);
    expect((await again).flushed).toBe(4);
    it.interest.release(room);
    await it.linger();
    expect(it.interest.size).toBe(0);
  });

  test("a channel that is left frees its memory, including unflushed messages", async () => {
    const it = makeInterest();
    const { tail } = await held(it);
    tail.append(makePush(1));
    tail.flush();
    tail.append(makePush(2));
    it.interest.release(room);
    await it.linger();
    tail.flush(); // the flush that was in flight
    expect(it.budget.bytes).toBe(0);
  });

  test("above the shared memory limit, each tail gives up half", async () => {
    const it = makeInterest();
    const { tail } = await held(it);
    for (let offset = 1; offset <= 60; offset++) tail.append(makePush(offset));
    tail.flush();
    it.interest.shrinkTails();
    const before = it.budget.bytes;
    it.budget.bytes = 10_001;
    it.interest.shrinkTails();
    expect(tail.keptBytes).toBeLessThanOrEqual(before / 2);
  });

  test("buffers 8 MiB of deliveries that arrive before the answer, and the same again after a replay or a leave", async () => {
    const it = makeInterest();
    const third = "x".repeat((8 / 3) * 1024 * 1024 - 1000);
    const deliver = (channel: ChannelName) => {
      for (let offset = 1; offset <= 4; offset++)
        it.interest.keepEarly(makePublication(offset, { channel, message: third }));
    };
    for (const name of [room, other]) {
      const holding = it.hold(name);
      await settle();
      deliver(name);
      await it.answer();
      await holding;
    }
    expect(it.replayed).toEqual([1, 2, 3, 1, 2, 3]);
    const failing = Promise.allSettled([it.hold("third" as ChannelName)]);
    await settle();
    deliver("third" as ChannelName);
    await it.refuse();
    expect(await failing).toMatchObject([{ status: "rejected" }]);
    await it.linger();
    await settle();
    const again = it.hold("fourth" as ChannelName);
    await settle();
    deliver("fourth" as ChannelName);
    await it.answer();
    await again;
    expect(it.replayed.slice(6)).toEqual([1, 2, 3]);
  });
});
