import { expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { logConformance } from "../../../tests/conformance/log.ts";
import { momentOf } from "../../lib/clock.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { MemoryLog } from "./log.ts";

logConformance("MemoryLog", async (clock, limits) => ({
  log: new MemoryLog({ ...limits, clock }),
  dispose: async () => {},
}));

const rules = { historySize: 1_000_000, historyTtl: 60_000, historyBytes: 100_000_000 };

/** A log that counts its collections, and stores as many messages of 64 KiB as it is told. */
async function begin() {
  const clock = new MovedClock();
  const collections: number[] = [];
  const log = new MemoryLog({ clock, collect: () => collections.push(clock.now()) });
  await log.open();
  const store = (count: number, length = 64 * 1024) => {
    const draft = { channel: "a" as ChannelName, message: "x".repeat(length) };
    return log.append(Array.from({ length: count }, () => ({ draft, rules })));
  };
  return { clock, log, store, collections };
}

test("expired memory is collected while nothing is published, once", async () => {
  const { clock, log, store, collections } = await begin();
  await store(200);
  await clock.moveInSteps(59_000, 1000);
  expect(collections).toEqual([]);
  await clock.moveInSteps(5000, 100);
  expect(collections).toHaveLength(1);
  await clock.moveInSteps(600_000, 10_000);
  expect(collections).toHaveLength(1);
  await log.close();
});

test("garbage is not collected for small amounts, nor while much is published", async () => {
  const { clock, log, store, collections } = await begin();
  await store(100);
  await clock.moveInSteps(65_000, 100);
  expect(collections).toEqual([]);
  await store(200);
  for (let second = 0; second < 70; second++) {
    await store(200, 1);
    await clock.moveInSteps(1000, 100);
  }
  expect(collections).toEqual([]);
  await clock.moveInSteps(10_000, 100);
  expect(collections).toHaveLength(1);
  await log.close();
});

test("a publication is stored with the given time, and expires by it", async () => {
  const { clock, log } = await begin();
  const draft = { channel: "a" as ChannelName, message: "m" };
  const moment = momentOf(clock);
  clock.move(1000);
  const entered = log.enter(draft, { ...rules, historyTtl: 5000 }, moment);
  expect(entered).toMatchObject({ outcome: "stored", publication: { timestamp: moment.now } });
  clock.move(4000);
  expect((await log.summary(draft.channel))?.messages).toBe(1);
  clock.move(1);
  expect((await log.summary(draft.channel))?.messages).toBe(0);
  await log.close();
});
