import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Since } from "../../protocol/position.ts";
import { costOf } from "../../server/broker/cost-of.ts";
import type { HistoryRules } from "../../server/broker/log.ts";
import { RedisBroker } from "../../server/broker/redis/broker.ts";
import { systemClock } from "../../server/lib/clock.ts";
import { Shared } from "../shared.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";
import { serverRecord } from "./server-record.ts";

const before: HistoryRules = { historySize: 100, historyTtl: 300_000, historyBytes: 1_000_000 };
const draft = (channel: ChannelName) => ({ channel, data: `"${"x".repeat(500)}"` });
const cost = costOf(draft("size" as ChannelName));

let redis: RedisServer;
const shared = new Shared();
beforeAll(async () => {
  redis = await shared.use(RedisServer.start());
});
afterAll(() => shared.close());

/** A server with these limits. */
async function serverWith(rules: HistoryRules): Promise<RedisBroker> {
  const broker = new RedisBroker({
    ...{ address: redis.address, prefix: "test", record: serverRecord, replicas: 0, idWindowMs: 300_000 },
    ...{ rulesOf: () => rules, clock: systemClock },
  });
  const ignore = () => undefined;
  await broker.start({ onPublication: ignore, onReset: ignore, onBreak: ignore, onHealth: ignore });
  shared.defer(() => broker.close());
  return broker;
}

/** Ten messages of the former limits, as a server with these limits reads them. */
async function tenAsReadWith(channel: ChannelName, limits: Partial<HistoryRules>) {
  const former = await serverWith(before);
  for (let count = 0; count < 10; count++) await former.publish(draft(channel), before);
  const rules = { ...before, ...limits };
  const broker = await serverWith(rules);
  const read = async (since: Since, limit = 100) => {
    const { gap, publications, top } = await broker.history(channel, since, { limit, maxBytes: 1_000_000 });
    return [publications.map(({ offset }) => offset), gap, top.offset];
  };
  const { epoch } = (await former.tops([channel])).get(channel) ?? { epoch: "" };
  const after = (offset: number): Since => ({ from: "position", position: { epoch, offset } });
  return { former, broker, rules, read, after };
}

test.each([
  ["size", { historySize: 3 }, [8, 9, 10]],
  ["bytes", { historyBytes: 3 * cost + 100 }, [8, 9, 10]],
  ["both", { historySize: 5, historyBytes: 2 * cost + 100 }, [9, 10]],
  ["nothing", { historySize: 0 }, []],
  ["less than one", { historyBytes: 10 }, []],
  ["the same", {}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
])("a read returns what a smaller limit keeps, before the channel's next message: %s", async (name, limits, kept) => {
  const { former, broker, rules, read, after } = await tenAsReadWith(name.replaceAll(" ", "-") as ChannelName, limits);
  const isAll = kept.length === 10;
  const [first = 11] = kept;
  expect(await read({ from: "earliest" })).toEqual([kept, undefined, 10]);
  expect(await read({ from: "last", count: 10 })).toEqual([kept, isAll ? undefined : "history-too-short", 10]);
  expect(await read({ from: "age", ms: 60_000 })).toEqual([kept, isAll ? undefined : "history-too-short", 10]);
  expect(await read(after(0))).toEqual([kept, isAll ? undefined : "history-too-short", 10]);
  if (first > 1) expect(await read(after(first - 2))).toEqual([kept, "history-too-short", 10]);
  expect(await read(after(first - 1))).toEqual([kept, undefined, 10]); // exactly what is kept
  expect(await read({ from: "earliest" }, 1)).toEqual([kept.slice(0, 1), undefined, 10]);

  const channel = name.replaceAll(" ", "-") as ChannelName;
  const all = await former.history(channel, { from: "earliest" }, { limit: 100, maxBytes: 1_000_000 });
  expect(all.publications).toHaveLength(10); // a server that is not restarted yet keeps its limits
  await broker.publish(draft(channel), rules);
  expect(await redis.command("XLEN", `test:{${channel}}:messages`)).toBe(isAll ? 11 : kept.length);
});

test("a read returns what a smaller age limit keeps", async () => {
  const { read, after } = await tenAsReadWith("age" as ChannelName, { historyTtl: 1 });
  await until(async () => ((await read({ from: "earliest" }))[0] as number[]).length === 0, "all are too old");
  expect(await read(after(9))).toEqual([[], "history-too-short", 10]);
  expect(await read(after(10))).toEqual([[], undefined, 10]);
});

test("larger limits do not restore messages that are too old by the limit of the last message", async () => {
  const short = { ...before, historyTtl: 50 };
  const former = await serverWith(short);
  const channel = "longer" as ChannelName;
  await former.publish(draft(channel), short);
  const later = await serverWith(before);
  const read = () => later.history(channel, { from: "earliest" }, { limit: 10, maxBytes: 1_000_000 });
  await until(async () => (await read()).publications.length === 0, "it is too old");
  expect((await read()).top.offset).toBe(1);
});
