import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import { makePublication, makePublications, room } from "../../tests/fakes/publication.ts";
import type { History } from "../broker/log.ts";
import { ChunkPool } from "../broker/records/chunk-pool.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { ListenedChannel } from "./listened-channel.ts";
import { Sequencer } from "./sequencer.ts";

interface Question {
  readonly since: Since;
  readonly limit: number;
  readonly maxBytes: number;
  answer(history: Partial<History>): void;
  fail(): void;
}

/** A sequencer with one channel, `room`, at offset 10. The test answers its requests. */
function makeSequencer(start: Position = { epoch: "e1", offset: 10 }) {
  const clock = new MovedClock();
  const channel = new ListenedChannel(room, start, {
    perChannel: 1000,
    total: 1000,
    bytes: 0,
    chunks: new ChunkPool(),
  });
  const asked: Question[] = [];
  const holes: Position[] = [];
  const early: Publication[] = [];
  const faults: unknown[] = [];
  const state = { isListened: true, top: start, topsFail: false, isKnown: true, topsAsked: 0, appended: 0 };
  /** Resolves the pending request for the tops. */
  const delay = { until: Promise.resolve() };
  /** The channels for which the broker was asked for a new epoch, and whether it grants one. */
  const renewals = { seen: [] as Position[], areGiven: true };
  const sequencer = new Sequencer(
    {
      get: (name: ChannelName) => (state.isListened && name === room ? channel : undefined),
      channels: () => (state.isListened ? [channel] : []),
      history: (_, since, { limit, maxBytes }) =>
        new Promise((resolve, reject) => {
          const answer = (history: Partial<History>) =>
            resolve({ top: state.top, publications: [], gap: undefined, ...history });
          asked.push({ since, limit, maxBytes, answer, fail: () => reject(new Error("away")) });
        }),
      tops: async (_, seen) => {
        state.topsAsked++;
        await delay.until;
        if (state.topsFail) throw new Error("away");
        renewals.seen.push(...(seen?.values() ?? []));
        if (seen !== undefined && renewals.areGiven) state.top = { ...state.top, epoch: "e2" };
        return new Map(state.isKnown ? [[room, state.top]] : []);
      },
      onEarly: (publication) => early.push(publication),
      onAppended: () => state.appended++,
      onFault: (_, error) => faults.push(error),
      onGap: (_, next) => {
        holes.push(next);
        channel.tail.reset({ epoch: next.epoch, offset: next.offset - 1 });
      },
    },
    clock,
  );
  return Object.assign(state, {
    clock,
    channel,
    delay,
    asked,
    holes,
    early,
    faults,
    renewals,
    sequencer,
    take: (...offsets: readonly number[]) => {
      for (const offset of offsets) sequencer.receive(makePublication(offset));
    },
    /** Answers the last request with a page of history. */
    async page(from: number, to: number, top = to, epoch = "e1") {
      asked.at(-1)?.answer({ top: { epoch, offset: top }, publications: makePublications(from, to, { epoch }) });
      await settle();
    },
  });
}

/** Lets the handlers of settled promises run. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("a sequencer", () => {
  test("appends the next message in order to the tail", () => {
    const { take, channel, asked } = makeSequencer();
    take(11, 12);
    expect([channel.tail.head, asked.length]).toEqual([12, 0]);
  });

  test("drops earlier messages, repeated or late", () => {
    const it = makeSequencer();
    it.take(11, 11, 10, 3, 12, 11);
    expect([it.channel.tail.head, it.appended, it.asked.length]).toEqual([12, 2, 0]);
  });

  test("passes ephemeral messages on in order, also during a repair", () => {
    const it = makeSequencer();
    it.take(0, 12, 0);
    expect([it.channel.tail.head, it.appended]).toEqual([10, 2]);
  });

  test("repairs a jump from history, with what arrives in the meantime, each message once", async () => {
    const it = makeSequencer();
    it.take(13);
    expect(it.asked.map(({ since }) => since)).toEqual([{ from: "position", position: { epoch: "e1", offset: 10 } }]);
    it.take(14);
    await it.page(11, 14);
    it.take(14, 15);
    expect([it.channel.tail.head, it.appended, it.holes, it.asked.length]).toEqual([15, 5, [], 1]);
  });

  test("requests pages of a bounded size", () => {
    const it = makeSequencer();
    it.take(13);
    expect(it.asked).toMatchObject([{ limit: 1000, maxBytes: 256 * 1024 }]);
  });

  test("requests a new epoch again if the first request failed", async () => {
    const it = makeSequencer();
    it.sequencer.reset(room, { epoch: "e2", offset: 1 });
    it.asked[0]?.fail();
    await it.clock.moveInSteps(200, 100);
    await it.page(1, 1, 1, "e2");
    expect([it.asked.length, it.channel.tail.epoch, it.channel.tail.head]).toEqual([2, "e2", 1]);
  });

  test("backs off with each failure, and starts over once a page arrives", async () => {
    const it = makeSequencer();
    it.take(30);
    for (let failed = 0; failed < 5; failed++) {
      it.asked.at(-1)?.fail();
      await it.clock.moveInSteps(5000, 500);
    }
    expect(it.asked.length).toBe(6);
    await it.page(11, 20, 30);
    it.asked.at(-1)?.fail();
    await settle();
    await it.clock.moveInSteps(100, 10);
    expect(it.asked.length).toBe(8);
  });

  test("sends no requests after the end, whatever was being repaired or compared", async () => {
    const it = makeSequencer();
    const answered = Promise.withResolvers<void>();
    it.delay.until = answered.promise;
    it.sequencer.start();
    it.take(13);
    await it.clock.moveInSteps(5000, 1000);
    expect([it.asked.length, it.topsAsked]).toEqual([1, 1]);
    it.sequencer.close();
    it.asked[0]?.fail();
    answered.resolve();
    await it.clock.moveInSteps(20_000, 1000);
    expect([it.asked.length, it.topsAsked, it.clock.pending]).toEqual([1, 1, 0]);
  });

  test("requests again what arrived after the page was read", async () => {
    const it = makeSequencer();
    it.take(13);
    it.take(14);
    await it.page(11, 13);
    expect(it.asked.length).toBe(2);
    await it.page(14, 14);
    expect([it.channel.tail.head, it.asked.length]).toEqual([14, 2]);
  });

  test("never runs two repairs of a channel at once", () => {
    const it = makeSequencer();
    it.take(13, 14, 20);
    expect(it.asked.length).toBe(1);
  });

  test("a late delivery does not shorten a repair", async () => {
    const it = makeSequencer();
    it.take(20);
    it.take(12);
    await it.page(11, 15, 20);
    await it.page(16, 20);
    expect([it.channel.tail.head, it.asked.length]).toEqual([20, 2]);
  });

  test("reports what history no longer has as a gap with exact ends", async () => {
    const it = makeSequencer();
    it.take(20);
    await it.page(18, 20);
    expect([it.holes, it.channel.tail.head]).toEqual([[{ epoch: "e1", offset: 18 }], 20]);
  });

  test("reports everything up to the top as a gap if history keeps nothing", async () => {
    const it = makeSequencer();
    it.take(20);
    await it.page(21, 20, 20);
    expect([it.holes, it.channel.tail.head]).toEqual([[{ epoch: "e1", offset: 21 }], 20]);
  });

  test("treats another epoch as a reset", async () => {
    const it = makeSequencer();
    it.sequencer.receive(makePublication(3, { epoch: "e2" }));
    await it.page(2, 3, 3, "e2");
    expect([it.holes, it.channel.epoch, it.channel.tail.head]).toEqual([[{ epoch: "e2", offset: 2 }], "e2", 3]);
  });

  test("catches up with an epoch that starts while a page of the old one is in flight", async () => {
    const it = makeSequencer();
    it.take(12);
    it.sequencer.receive(makePublication(1, { epoch: "e2" }));
    await it.page(11, 12, 12, "e1");
    await it.page(1, 1, 1, "e2");
    expect([it.holes, it.channel.epoch, it.channel.tail.head]).toEqual([[{ epoch: "e2", offset: 1 }], "e2", 1]);
  });

  test("ignores a late delivery from an earlier epoch", async () => {
    const it = makeSequencer({ epoch: "e2", offset: 3 });
    it.sequencer.receive(makePublication(99, { epoch: "e1" }));
    await it.page(4, 3, 3, "e2");
    expect([it.holes, it.channel.tail.head]).toEqual([[], 3]);
    it.sequencer.receive(makePublication(4, { epoch: "e2" }));
    expect(it.channel.tail.head).toBe(4);
  });

  test("retries after a while if history fails", async () => {
    const it = makeSequencer();
    it.take(12);
    it.asked[0]?.fail();
    await settle();
    expect(it.asked.length).toBe(1);
    await it.clock.moveInSteps(200, 50);
    expect(it.asked.length).toBe(2);
    await it.page(11, 12);
    expect(it.channel.tail.head).toBe(12);
  });

  test("does not poll a history that does not have the delivered messages yet", async () => {
    const it = makeSequencer();
    it.take(12);
    await it.page(11, 10, 10);
    expect(it.asked.length).toBe(1);
    await it.clock.moveInSteps(200, 50);
    expect(it.asked.length).toBe(2);
    await it.page(11, 12);
    expect([it.channel.tail.head, it.holes]).toEqual([12, []]);
  });

  test("backs off while history fails", async () => {
    const it = makeSequencer();
    it.take(12);
    const askedBy: number[] = [];
    for (let second = 0; second < 30; second++) {
      for (let step = 0; step < 20; step++) {
        it.asked.at(-1)?.fail();
        await it.clock.moveInSteps(50, 50);
      }
      askedBy.push(it.asked.length);
    }
    // 100 ms, doubling up to 5 s, each shortened by up to a half: about four in the first second, one every 2.5 to 5 s later.
    expect(askedBy[0]).toBeWithin(2, 7);
    expect((askedBy[29] ?? 0) - (askedBy[9] ?? 0)).toBeWithin(3, 10);
  });

  test("drops the repair of a channel that is no longer listened to", async () => {
    const it = makeSequencer();
    it.take(12);
    it.isListened = false;
    await it.page(11, 12);
    expect([it.appended, it.channel.tail.head]).toEqual([0, 10]);
  });

  test("resets a channel to its top if a page cannot be processed", async () => {
    const it = makeSequencer();
    const append = it.channel.tail.append.bind(it.channel.tail);
    it.channel.tail.append = () => {
      throw new Error("a bug");
    };
    it.take(13);
    await it.page(11, 13);
    expect([it.faults.map(String), it.channel.tail.head]).toEqual([["Error: a bug"], 13]);
    it.channel.tail.append = append;
    it.take(14);
    await it.clock.moveInSteps(10_000, 1000);
    expect([it.channel.tail.head, it.asked.length]).toEqual([14, 1]);
  });

  test("hands deliveries for a channel that is not listened to yet to the early buffer", () => {
    const it = makeSequencer();
    it.isListened = false;
    it.take(11);
    expect(it.early.map(({ offset }) => offset)).toEqual([11]);
  });
});

describe("an offset that went back within its epoch", () => {
  const wentBack = { epoch: "e1", offset: 5 };

  /** The channel continues at 5 in an epoch that is not its own. */
  async function expectReset(it: ReturnType<typeof makeSequencer>): Promise<void> {
    expect(it.renewals.seen).toEqual([{ epoch: "e1", offset: 10 }]);
    await it.page(3, 5, 5, "e2");
    expect([it.holes, it.channel.epoch, it.channel.tail.head]).toEqual([[{ epoch: "e2", offset: 3 }], "e2", 5]);
    it.sequencer.receive(makePublication(6, { epoch: "e2" }));
    expect(it.channel.tail.head).toBe(6);
  }

  test("is detected by the comparison of tops, and the channel continues in a new epoch", async () => {
    const it = makeSequencer();
    it.top = wentBack;
    await it.sequencer.compareTops();
    await expectReset(it);
  });

  test("is detected by a join", async () => {
    const it = makeSequencer();
    it.top = wentBack;
    const caughtUp = it.sequencer.catchUp(it.channel);
    await settle();
    await expectReset(it);
    await caughtUp;
  });

  test("is detected by an offset that is assigned twice", async () => {
    const it = makeSequencer();
    it.top = wentBack;
    it.take(5);
    await settle();
    await expectReset(it);
  });

  test("is detected by a repair that reads history", async () => {
    const it = makeSequencer();
    it.take(13);
    it.top = wentBack;
    await it.page(6, 5, 5, "e1");
    await expectReset(it);
  });

  test("needs no request if the broker reports it", async () => {
    const it = makeSequencer();
    it.sequencer.reset(room, { epoch: "e2", offset: 0 });
    await it.page(1, 0, 0, "e2");
    expect([it.holes, it.channel.epoch, it.topsAsked]).toEqual([[{ epoch: "e2", offset: 1 }], "e2", 0]);
  });

  test("ends a repair if it is reported in the meantime", async () => {
    const it = makeSequencer();
    it.take(13);
    it.sequencer.reset(room, { epoch: "e2", offset: 2 });
    await it.page(1, 2, 2, "e2");
    expect([it.channel.epoch, it.channel.tail.head, it.asked.length]).toEqual(["e2", 2, 1]);
  });

  test("is ignored in a channel that is not listened to", () => {
    const it = makeSequencer();
    it.isListened = false;
    it.sequencer.reset(room, { epoch: "e2", offset: 2 });
    expect(it.asked).toEqual([]);
  });

  test("never continues in the old epoch if no new one is granted", async () => {
    const it = makeSequencer();
    it.renewals.areGiven = false;
    it.top = wentBack;
    await it.sequencer.compareTops();
    await settle();
    expect([it.renewals.seen.length, it.asked, it.holes, it.channel.tail.head]).toEqual([1, [], [], 10]);
  });

  test("is not suspected if publications arrive while the request is answered", async () => {
    const it = makeSequencer();
    it.top = { epoch: "e1", offset: 10 };
    const comparison = it.sequencer.compareTops();
    it.take(11, 12);
    await comparison;
    expect([it.renewals.seen, it.asked, it.channel.tail.head]).toEqual([[], [], 12]);
  });

  test("causes one request, however many old offsets arrive", async () => {
    const it = makeSequencer();
    it.take(1, 2, 3, 4);
    await settle();
    expect([it.topsAsked, it.renewals.seen]).toEqual([1, []]);
    it.take(5);
    await settle();
    expect(it.topsAsked).toBe(2);
  });

  test("is ignored if the channel is no longer listened to when the answer arrives", async () => {
    const it = makeSequencer();
    const answered = Promise.withResolvers<void>();
    it.delay.until = answered.promise;
    it.top = wentBack;
    const caughtUp = it.sequencer.catchUp(it.channel);
    it.isListened = false;
    answered.resolve();
    await caughtUp;
    expect([it.renewals.seen, it.asked]).toEqual([[], []]);
  });

  test("is dropped if the last listener leaves while the new epoch is requested", async () => {
    const it = makeSequencer();
    it.top = wentBack;
    const caughtUp = it.sequencer.catchUp(it.channel);
    const answered = Promise.withResolvers<void>();
    it.delay.until = answered.promise; // the second request, for a new epoch
    await settle();
    it.isListened = false;
    answered.resolve();
    await caughtUp;
    expect([it.topsAsked, it.asked]).toEqual([2, []]);
  });
});

describe("the comparison of tops", () => {
  test("detects a lost last message within a few seconds", async () => {
    const it = makeSequencer();
    it.sequencer.start();
    it.top = { epoch: "e1", offset: 11 };
    await it.clock.moveInSteps(6000, 1000);
    await it.page(11, 11);
    expect(it.channel.tail.head).toBe(11);
  });

  test("continues after a failure, and never runs twice as often", async () => {
    const it = makeSequencer();
    it.sequencer.start();
    it.topsFail = true;
    await it.clock.moveInSteps(5000, 1000);
    void it.sequencer.compareTops();
    void it.sequencer.compareTops();
    await settle();
    it.topsFail = false;
    const before = it.topsAsked;
    await it.clock.moveInSteps(25_000, 1000);
    expect(it.topsAsked - before).toBe(5);
  });

  test("does nothing if everything is here, and nothing at all after the end", async () => {
    const it = makeSequencer();
    it.sequencer.start();
    await it.sequencer.compareTops();
    expect([it.topsAsked, it.asked.length]).toEqual([1, 0]);
    it.sequencer.close();
    await it.clock.moveInSteps(20_000, 1000);
    expect(it.topsAsked).toBe(1);
  });
});

describe("catching up", () => {
  test("resolves at once if nothing is missing", async () => {
    const it = makeSequencer();
    await it.sequencer.catchUp(it.channel);
    expect(it.asked).toEqual([]);
  });

  test("resolves at once if the broker does not know the channel", async () => {
    const it = makeSequencer();
    it.isKnown = false;
    await it.sequencer.catchUp(it.channel);
    expect([it.asked, it.renewals.seen]).toEqual([[], []]);
  });

  test("waits for the reported top, even past the end of a running repair", async () => {
    const it = makeSequencer();
    it.take(12);
    it.top = { epoch: "e1", offset: 20 };
    let isDone = false;
    void it.sequencer.catchUp(it.channel).then(() => {
      isDone = true;
    });
    await settle();
    await it.page(11, 12, 12);
    expect(isDone).toBe(false);
    await it.page(13, 20);
    expect([isDone, it.channel.tail.head]).toEqual([true, 20]);
  });

  test("times out", async () => {
    const it = makeSequencer();
    it.top = { epoch: "e1", offset: 20 };
    let isDone = false;
    void it.sequencer.catchUp(it.channel).then(() => {
      isDone = true;
    });
    await it.clock.moveInSteps(1900, 100);
    expect(isDone).toBe(false);
    await it.clock.moveInSteps(600, 100);
    expect([isDone, it.channel.tail.head]).toEqual([true, 10]);
  });
});

test("compares the tops of a thousand channels per turn of the event loop, so that other work can run", async () => {
  const clock = new MovedClock();
  const top: Position = { epoch: "e1", offset: 1 };
  const channels = Array.from({ length: 2500 }, (_, number) => {
    return new ListenedChannel(`room:${number}` as ChannelName, top, {
      perChannel: 0,
      total: 0,
      bytes: 0,
      chunks: new ChunkPool(),
    });
  });
  const byName = new Map(channels.map((channel) => [channel.name, channel]));
  const asked: number[] = [];
  const sequencer = new Sequencer(
    {
      get: (name) => byName.get(name),
      channels: () => byName.values(),
      history: async () => ({ top, publications: [], gap: undefined }),
      tops: async (names) => {
        asked.push(names.length);
        return new Map(names.map((name) => [name, top]));
      },
      onEarly: () => undefined,
      onAppended: () => undefined,
      onGap: () => undefined,
      onFault: () => undefined,
    },
    clock,
  );
  const comparison = sequencer.compareTops();
  for (const expected of [[1000], [1000, 1000], [1000, 1000, 500]]) {
    await settle();
    expect(asked).toEqual(expected);
    clock.move(0);
  }
  await comparison;
});
