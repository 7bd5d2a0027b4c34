import { expect, test } from "bun:test";
import { parseChannelName } from "../../../protocol/channel-name.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import type { LogLimits } from "../log-limits.ts";
import { MemoryLog } from "./log.ts";

const rules = { historySize: 3, historyTtl: 60_000, historyBytes: 1_000_000 };
const everything = { from: "earliest" } as const;
const named = (text: string) => parseChannelName(text) ?? expect.unreachable();
const room = named("room");

async function fill(log: MemoryLog, count: number, clock: MovedClock): Promise<void> {
  for (let n = 0; n < count; n++) {
    await log.append([{ draft: { channel: room, data: `${n}`, id: `id${n}` }, rules }]);
    clock.move(1000);
  }
}

/** A log that has taken over from another one. */
async function takenOver(log: MemoryLog, clock: MovedClock, limits: Partial<LogLimits> = {}): Promise<MemoryLog> {
  const next = new MemoryLog({ clock, ...limits });
  await next.restore([...log.snapshot()]);
  return next;
}

const read = (log: MemoryLog, channel = room) => log.read(channel, everything, { limit: 100, maxBytes: 1_000_000 });

test("a log that takes over has the same messages, in the same epoch, and continues the numbering", async () => {
  const clock = new MovedClock();
  const log = new MemoryLog({ clock });
  await fill(log, 5, clock);
  await log.tops([named("empty")]);
  const next = await takenOver(log, clock);
  expect(await read(next)).toEqual(await read(log));
  expect(await next.tops([room, named("empty")])).toEqual(await log.tops([room, named("empty")]));
  const [stored] = await next.append([{ draft: { channel: room, data: "next" }, rules }]);
  expect(stored).toMatchObject({ outcome: "stored", publication: { offset: 6 } });
});

test("a log that takes over has everything of a channel with many messages and of one with large ones", async () => {
  const clock = new MovedClock();
  const log = new MemoryLog({ clock });
  const wide = { historySize: 1000, historyTtl: 60_000, historyBytes: 100_000_000 };
  const large = named("large");
  for (let n = 0; n < 250; n++) await log.append([{ draft: { channel: room, data: `${n}` }, rules: wide }]);
  for (let n = 0; n < 3; n++) {
    await log.append([{ draft: { channel: large, message: `${n}${"x".repeat(700_000)}` }, rules: wide }]);
  }
  const next = await takenOver(log, clock);
  const page = { limit: 1000, maxBytes: 100_000_000 };
  for (const channel of [room, large]) {
    expect(await next.read(channel, everything, page)).toEqual(await log.read(channel, everything, page));
  }
  expect((await next.read(room, everything, page)).publications).toHaveLength(250);
});

test("a log that takes over knows what is missing, and the ids of messages", async () => {
  const clock = new MovedClock();
  const log = new MemoryLog({ clock });
  await fill(log, 5, clock);
  const next = await takenOver(log, clock);
  const { epoch } = (await read(log)).top;
  const since = { from: "position", position: { epoch, offset: 1 } } as const;
  expect(await next.read(room, since, { limit: 100, maxBytes: 1_000_000 })).toMatchObject({ gap: "history-too-short" });
  expect((await next.read(room, { from: "age", ms: 3_600_000 }, { limit: 100, maxBytes: 1_000_000 })).gap).toBe(
    "history-too-short",
  );
  const [again] = await next.append([{ draft: { channel: room, data: "0", id: "id0" }, rules }]);
  expect(again).toMatchObject({ outcome: "duplicate", position: { epoch, offset: 1 } });
});

test("messages expire in a log that took over when they would have expired anyway", async () => {
  const clock = new MovedClock();
  const log = new MemoryLog({ clock });
  await fill(log, 2, clock);
  clock.move(50_000);
  const next = await takenOver(log, clock);
  clock.move(8500);
  expect((await read(next)).publications.map(({ offset }) => offset)).toEqual([2]);
});

test("a log that takes over keeps messages and ids for their whole time, and no longer, although the wall clock was set before", async () => {
  for (const hours of [12, -12]) {
    const clock = new MovedClock();
    const log = new MemoryLog({ clock, idWindowMs: 60_000 });
    await fill(log, 1, clock);
    clock.set(hours * 3_600_000);
    const next = await takenOver(log, clock, { idWindowMs: 60_000 });
    clock.move(58_000);
    const retry = () => next.append([{ draft: { channel: room, data: "0", id: "id0" }, rules }]);
    expect([(await read(next)).publications.length, (await retry())[0]?.outcome]).toEqual([1, "duplicate"]);
    clock.move(2000);
    expect([(await read(next)).publications.length, (await retry())[0]?.outcome]).toEqual([0, "stored"]);
  }
});
