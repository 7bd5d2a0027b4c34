import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Publication } from "../../../protocol/publication.ts";
import { brokerConformance, oneWorkerOnly } from "../../../tests/conformance/broker.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { costOf } from "../cost-of.ts";
import type { Appended, HistoryRules, Log, LogEntry } from "../log.ts";
import { MemoryLog } from "../memory/log.ts";
import { EmbeddedBroker } from "./broker.ts";

brokerConformance(
  "EmbeddedBroker with a log in memory",
  async () => ({ connect: () => new EmbeddedBroker(new MemoryLog()), dispose: async () => {} }),
  { skip: oneWorkerOnly },
);

const a = "a" as ChannelName;
const rules: HistoryRules = { historySize: 10, historyTtl: 60_000, historyBytes: 1_000_000 };

/** A log whose appends can be held or fail. */
class HeldLog implements Log {
  readonly #log = new MemoryLog();
  readonly batches: number[] = [];
  failure: Error | undefined;
  openFailure: Error | undefined;
  isHeld = false;
  readonly #held: (() => void)[] = [];

  async open(): Promise<void> {
    if (this.openFailure !== undefined) throw this.openFailure;
    await this.#log.open();
  }

  async append(entries: readonly LogEntry[]): Promise<readonly Appended[]> {
    this.batches.push(entries.length);
    if (this.isHeld) await new Promise<void>((resolve) => this.#held.push(resolve));
    if (this.failure !== undefined) throw this.failure;
    return this.#log.append(entries);
  }

  letThrough(): void {
    this.isHeld = false;
    for (const go of this.#held.splice(0)) go();
  }

  readonly read: Log["read"] = (...asked) => this.#log.read(...asked);
  readonly summary: Log["summary"] = (...asked) => this.#log.summary(...asked);
  readonly tops: Log["tops"] = (channels) => this.#log.tops(channels);
  readonly list: Log["list"] = (...asked) => this.#log.list(...asked);
  readonly close: Log["close"] = () => this.#log.close();
}

async function startOn(log: Log, clock = new MovedClock()) {
  const broker = new EmbeddedBroker(log, clock);
  const delivered: Publication[] = [];
  const health: boolean[] = [];
  await broker.start({
    onPublication: (publication) => {
      if (publication.message === "bug") throw new Error("a bug above");
      delivered.push(publication);
    },
    onBreak: () => {},
    onReset: () => {},
    onHealth: (healthy) => health.push(healthy),
  });
  await broker.listen(a);
  const publish = async (message: string, ephemeral = false) =>
    broker.publish({ channel: a, message, ...(ephemeral ? { ephemeral } : {}) }, rules);
  return { broker, clock, delivered, health, publish };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("EmbeddedBroker", () => {
  test("drafts of one turn share an append, and drafts in the meantime form the next one", async () => {
    const log = new HeldLog();
    const { publish } = await startOn(log);
    log.isHeld = true;
    const calls = [publish("1"), publish("2")];
    await turn();
    calls.push(publish("3"));
    await turn();
    calls.push(publish("4"), publish("5"));
    log.letThrough();
    await Promise.all(calls);
    expect(log.batches).toEqual([2, 3]);
  });

  test("an append takes 1000 drafts at most", async () => {
    const log = new HeldLog();
    const { publish } = await startOn(log);
    await Promise.all(Array.from({ length: 2001 }, () => publish("m")));
    expect(log.batches).toEqual([1000, 1000, 1]);
  });

  test("listens before it reads the top: publications in between are delivered", async () => {
    const log = new HeldLog();
    const { broker, delivered } = await startOn(log);
    const asked = Promise.withResolvers<void>();
    const tops = log.tops;
    Object.assign(log, {
      tops: async (channels: Parameters<Log["tops"]>[0]) => {
        const answer = await tops(channels); // read now, answered later
        await asked.promise;
        return answer;
      },
    });
    const listening = broker.listen("b" as ChannelName);
    await turn();
    await broker.publish({ channel: "b" as ChannelName, message: "in between" }, rules);
    asked.resolve();
    expect([(await listening).offset, delivered.map(({ message }) => message)]).toEqual([0, ["in between"]]);
  });

  test("nothing is answered or delivered before the append is answered", async () => {
    const log = new HeldLog();
    const { publish, delivered } = await startOn(log);
    log.isHeld = true;
    let isAnswered = false;
    const call = publish("1").then(() => (isAnswered = true));
    await turn();
    expect([isAnswered, delivered.length]).toEqual([false, 0]);
    log.letThrough();
    await call;
    expect(delivered).toHaveLength(1);
  });

  test("when the log fails, drafts to store are refused and not delivered, and ephemeral ones are delivered", async () => {
    const log = new HeldLog();
    const { publish, delivered } = await startOn(log);
    log.failure = new Error("the disk is gone");
    const [stored, ephemeral] = await Promise.allSettled([publish("1"), publish("typing", true)]);
    expect(stored).toMatchObject({ status: "rejected", reason: { code: "broker-unavailable", cause: log.failure } });
    expect(ephemeral.status).toBe("fulfilled");
    expect(delivered.map(({ message }) => message)).toEqual(["typing"]);
  });

  test("a refusal of the log is passed on unchanged", async () => {
    const log = new HeldLog();
    const { publish } = await startOn(log);
    log.failure = new ServiceError("broker-unavailable", "the disk is full");
    await expect(publish("1")).rejects.toBe(log.failure);
  });

  test("health turns false with the first failure, and true by itself once the log works again", async () => {
    const log = new HeldLog();
    const { publish, health, clock } = await startOn(log);
    log.failure = new Error("the disk is gone");
    await Promise.allSettled([publish("1")]);
    await Promise.allSettled([publish("2")]);
    await clock.moveInSteps(20_000, 100);
    expect(health).toEqual([true, false]);
    log.failure = undefined;
    await clock.moveInSteps(6000, 100);
    expect(health).toEqual([true, false, true]);
  });

  test("a log that stops working is noticed within 2 seconds, even if nobody publishes", async () => {
    const log = new HeldLog();
    const { health, clock } = await startOn(log);
    await clock.moveInSteps(20_000, 500);
    log.failure = new Error("the disk is gone");
    await clock.moveInSteps(2000, 500);
    expect(health).toEqual([true, false]);
    log.failure = undefined;
    await clock.moveInSteps(6000, 100);
    log.failure = new Error("and once more");
    await clock.moveInSteps(2000, 500);
    expect(health).toEqual([true, false, true, false]);
  });

  test("an append takes 4 MiB at most, or one draft that is larger", async () => {
    const log = new HeldLog();
    const { publish } = await startOn(log);
    const [mebibyte, large] = ["x".repeat(1024 * 1024 - 1000), "x".repeat(5 * 1024 * 1024)];
    await Promise.all([...Array.from({ length: 5 }, () => mebibyte), large, "m"].map((text) => publish(text)));
    expect(log.batches).toEqual([4, 1, 1, 1]);
  });

  test("drafts beyond 64 MiB waiting or in flight are refused, and accepted again once there is room", async () => {
    const log = new HeldLog();
    const { broker } = await startOn(log);
    log.isHeld = true;
    const mebibyte = "x".repeat(1024 * 1024 - costOf({ channel: a, message: "" }));
    const publish = () => broker.publish({ channel: a, message: mebibyte }, rules);
    const first = publish();
    await turn();
    const waiting = Array.from({ length: 63 }, publish);
    await expect(publish()).rejects.toMatchObject({ code: "broker-unavailable" });
    log.letThrough();
    await Promise.all([first, ...waiting]);
    expect((await publish()).duplicate).toBe(false);
  });

  test("an append holds at most 4 MiB, or a single larger draft", async () => {
    const log = new HeldLog();
    const { broker } = await startOn(log);
    const sizes = [3, 1, 1, 5, 1].map((mebibytes) => mebibytes * 1024 * 1024 - costOf({ channel: a, message: "" }));
    await Promise.all(sizes.map((size) => broker.publish({ channel: a, message: "x".repeat(size) }, rules)));
    expect(log.batches).toEqual([2, 1, 1, 1]);
  });

  test("a bug in a delivery does not affect other answers and deliveries", async () => {
    const { publish, delivered } = await startOn(new MemoryLog());
    const receipts = await Promise.all([publish("1"), publish("bug"), publish("3")]);
    expect(receipts.map(({ position }) => position?.offset)).toEqual([1, 2, 3]);
    expect(delivered.map(({ message }) => message)).toEqual(["1", "3"]);
    expect((await publish("4")).position?.offset).toBe(4);
  });

  test("start throws the error of a log that cannot be opened", async () => {
    const log = new HeldLog();
    log.openFailure = new Error("no such place");
    await expect(startOn(log)).rejects.toBe(log.openFailure);
  });

  test("lists the channels that its log knows", async () => {
    const { broker, publish } = await startOn(new MemoryLog());
    await publish("1");
    expect(await broker.list("", "", 10)).toMatchObject([{ channel: "a", messages: 1, top: { offset: 1 } }]);
  });
});
