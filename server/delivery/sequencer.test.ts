import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import { makePublication, makePublications, room } from "../../tests/fakes/publication.ts";
import type { History } from "../broker/log.ts";
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

/** A sequencer with one channel, `room`, that stands at 10; a test answers its questions by hand. */
function makeSequencer(start: Position = { epoch: "e1", offset: 10 }) {
  const clock = new MovedClock();
  const channel = new ListenedChannel(room, start, { perChannel: 1000, total: 1000, bytes: 0 });
  const asked: Question[] = [];
  const holes: Position[] = [];
  const early: Publication[] = [];
  const faults: unknown[] = [];
  const state = { isListened: true, top: start, topsFail: false, isKnown: true, topsAsked: 0, appended: 0 };
  /** What the answer with the tops waits for. */
  const delay = { until: Promise.resolve() };
  /** What the broker was asked to give a new epoch for, and whether it does. */
  const renewals = { seen: [] as Position[], areGiven: true };
  const sequencer = new Sequencer(
    {
      get: (name: ChannelName) => (state.isListened && name === room ? channel : undefined),
      channels: () => (state.isListened ? [channel] : []),
      history: (_, since, limit, maxBytes) =>
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
    /** Answers the last question with a page of history. */
    async page(from: number, to: number, top = to, epoch = "e1") {
      asked.at(-1)?.answer({ top: { epoch, offset: top }, publications: makePublications(from, to, { epoch }) });
      await settle();
    },
  });
}

/** Lets promises that are settled be heard of. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("a sequencer", () => {
  test("puts the next in order into the tail", () => {
    const { take, channel, asked } = makeSequencer();
    take(11, 12);
    expect([channel.tail.head, asked.length]).toEqual([12, 0]);
  });

  test("drops what came before, once more or late", () => {
    const it = makeSequencer();
    it.take(11, 11, 10, 3, 12, 11);
    expect([it.channel.tail.head, it.appended, it.asked.length]).toEqual([12, 2, 0]);
  });

  test("lets ephemeral ones pass in their turn, also during a repair", () => {
    const it = makeSequencer();
    it.take(0, 12, 0);
    expect([it.channel.tail.head, it.appended]).toEqual([10, 2]);
  });

  test("repairs a jump from history, what comes meanwhile included, each once", async () => {
    const it = makeSequencer();
    it.take(13);
    expect(it.asked.map(({ since }) => since)).toEqual([{ from: "position", position: { epoch: "e1", offset: 10 } }]);
    it.take(14);
    await it.page(11, 14);
    it.take(14, 15);
    expect([it.channel.tail.head, it.appended, it.holes, it.asked.length]).toEqual([15, 5, [], 1]);
  });

  test("asks for pages of a bounded size", () => {
    const it = makeSequencer();
    it.take(13);
    expect(it.asked).toMatchObject([{ limit: 1000, maxBytes: 256 * 1024 }]);
  });

  test("asks again for a new epoch where the first answer failed", async () => {
    const it = makeSequencer();
    it.sequencer.reset(room, { epoch: "e2", offset: 1 });
    it.asked[0]?.fail();
    await it.clock.moveInSteps(200, 100);
    await it.page(1, 1, 1, "e2");
    expect([it.asked.length, it.channel.tail.epoch, it.channel.tail.head]).toEqual([2, "e2", 1]);
  });

  test("waits longer with each failure, and no longer than at first once a page has come", async () => {
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

  test("asks nothing more after the end, whatever was being repaired or compared", async () => {
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

  test("asks again for what came after the page was read", async () => {
    const it = makeSequencer();
    it.take(13);
    it.take(14);
    await it.page(11, 13);
    expect(it.asked.length).toBe(2);
    await it.page(14, 14);
    expect([it.channel.tail.head, it.asked.length]).toEqual([14, 2]);
  });

  test("never repairs a channel twice at once", () => {
    const it = makeSequencer();
    it.take(13, 14, 20);
    expect(it.asked.length).toBe(1);
  });

  test("a late delivery does not make a repair reach less far", async () => {
    const it = makeSequencer();
    it.take(20);
    it.take(12);
    await it.page(11, 15, 20);
    await it.page(16, 20);
    expect([it.channel.tail.head, it.asked.length]).toEqual([20, 2]);
  });

  test("what history has no more becomes a hole with exact borders", async () => {
    const it = makeSequencer();
    it.take(20);
    await it.page(18, 20);
    expect([it.holes, it.channel.tail.head]).toEqual([[{ epoch: "e1", offset: 18 }], 20]);
  });

  test("with a history that keeps nothing all up to the top is a hole", async () => {
    const it = makeSequencer();
    it.take(20);
    await it.page(21, 20, 20);
    expect([it.holes, it.channel.tail.head]).toEqual([[{ epoch: "e1", offset: 21 }], 20]);
  });

  test("a foreign epoch is a new beginning", async () => {
    const it = makeSequencer();
    it.sequencer.receive(makePublication(3, { epoch: "e2" }));
    await it.page(2, 3, 3, "e2");
    expect([it.holes, it.channel.epoch, it.channel.tail.head]).toEqual([[{ epoch: "e2", offset: 2 }], "e2", 3]);
  });

  test("a new epoch that begins while a page of the old one is on its way is reached too", async () => {
    const it = makeSequencer();
    it.take(12);
    it.sequencer.receive(makePublication(1, { epoch: "e2" }));
    await it.page(11, 12, 12, "e1");
    await it.page(1, 1, 1, "e2");
    expect([it.holes, it.channel.epoch, it.channel.tail.head]).toEqual([[{ epoch: "e2", offset: 1 }], "e2", 1]);
  });

  test("a late delivery of an earlier epoch changes nothing", async () => {
    const it = makeSequencer({ epoch: "e2", offset: 3 });
    it.sequencer.receive(makePublication(99, { epoch: "e1" }));
    await it.page(4, 3, 3, "e2");
    expect([it.holes, it.channel.tail.head]).toEqual([[], 3]);
    it.sequencer.receive(makePublication(4, { epoch: "e2" }));
    expect(it.channel.tail.head).toBe(4);
  });

  test("tries again after a while where history fails", async () => {
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

  test("does not keep asking a history that does not know yet what was delivered", async () => {
    const it = makeSequencer();
    it.take(12);
    await it.page(11, 10, 10);
    expect(it.asked.length).toBe(1);
    await it.clock.moveInSteps(200, 50);
    expect(it.asked.length).toBe(2);
    await it.page(11, 12);
    expect([it.channel.tail.head, it.holes]).toEqual([12, []]);
  });

  test("asks a history that fails less and less often", async () => {
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
    // 100 ms, doubling up to 5 s, each shortened by up to a half: some four in the first second, one in 2.5 to 5 s later.
    expect(askedBy[0]).toBeWithin(2, 7);
    expect((askedBy[29] ?? 0) - (askedBy[9] ?? 0)).toBeWithin(3, 10);
  });

  test("what is repaired for a channel that nobody listens to any more is let go", async () => {
    const it = makeSequencer();
    it.take(12);
    it.isListened = false;
    await it.page(11, 12);
    expect([it.appended, it.channel.tail.head]).toEqual([0, 10]);
  });

  test("a page that cannot be taken in is a fault of its channel, which goes on from the top", async () => {
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

  test("what comes for a channel that is not listened to yet is kept by others", () => {
    const it = makeSequencer();
    it.isListened = false;
    it.take(11);
    expect(it.early.map(({ offset }) => offset)).toEqual([11]);
  });
});

describe("a numbering that went back within its epoch", () => {
  const wentBack = { epoch: "e1", offset: 5 };

  /** The channel continues at 5 in an epoch that is not its own. */
  async function expectReset(it: ReturnType<typeof makeSequencer>): Promise<void> {
    expect(it.renewals.seen).toEqual([{ epoch: "e1", offset: 10 }]);
    await it.page(3, 5, 5, "e2");
    expect([it.holes, it.channel.epoch, it.channel.tail.head]).toEqual([[{ epoch: "e2", offset: 3 }], "e2", 5]);
    it.sequencer.receive(makePublication(6, { epoch: "e2" }));
    expect(it.channel.tail.head).toBe(6);
  }

  test("is found by the comparison of tops, and continues in a new epoch", async () => {
    const it = makeSequencer();
    it.top = wentBack;
    await it.sequencer.compareTops();
    await expectReset(it);
  });

  test("is found by somebody who joins", async () => {
    const it = makeSequencer();
    it.top = wentBack;
    const caughtUp = it.sequencer.catchUp(it.channel);
    await settle();
    await expectReset(it);
    await caughtUp;
  });

  test("is found by a number that is given a second time", async () => {
    const it = makeSequencer();
    it.top = wentBack;
    it.take(5);
    await settle();
    await expectReset(it);
  });

  test("is found by a repair that reads history", async () => {
    const it = makeSequencer();
    it.take(13);
    it.top = wentBack;
    await it.page(6, 5, 5, "e1");
    await expectReset(it);
  });

  test("that the broker tells of itself needs no question", async () => {
    const it = makeSequencer();
    it.sequencer.reset(room, { epoch: "e2", offset: 0 });
    await it.page(1, 0, 0, "e2");
    expect([it.holes, it.channel.epoch, it.topsAsked]).toEqual([[{ epoch: "e2", offset: 1 }], "e2", 0]);
  });

  test("that is told of during a repair ends that repair", async () => {
    const it = makeSequencer();
    it.take(13);
    it.sequencer.reset(room, { epoch: "e2", offset: 2 });
    await it.page(1, 2, 2, "e2");
    expect([it.channel.epoch, it.channel.tail.head, it.asked.length]).toEqual(["e2", 2, 1]);
  });

  test("in a channel that nobody listens to is of no interest", () => {
    const it = makeSequencer();
    it.isListened = false;
    it.sequencer.reset(room, { epoch: "e2", offset: 2 });
    expect(it.asked).toEqual([]);
  });

  test("and that gets no new epoch is never taken for the old one", async () => {
    const it = makeSequencer();
    it.renewals.areGiven = false;
    it.top = wentBack;
    await it.sequencer.compareTops();
    await settle();
    expect([it.renewals.seen.length, it.asked, it.holes, it.channel.tail.head]).toEqual([1, [], [], 10]);
  });

  test("is not suspected where publications arrive while the question is answered", async () => {
    const it = makeSequencer();
    it.top = { epoch: "e1", offset: 10 };
    const comparison = it.sequencer.compareTops();
    it.take(11, 12);
    await comparison;
    expect([it.renewals.seen, it.asked, it.channel.tail.head]).toEqual([[], [], 12]);
  });

  test("is asked about once, however many old numbers arrive", async () => {
    const it = makeSequencer();
    it.take(1, 2, 3, 4);
    await settle();
    expect([it.topsAsked, it.renewals.seen]).toEqual([1, []]);
    it.take(5);
    await settle();
    expect(it.topsAsked).toBe(2);
  });

  test("is of no interest any more where nobody listens by the time of the answer", async () => {
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

  test("gets its new epoch for nobody where the last one leaves meanwhile", async () => {
    const it = makeSequencer();
    it.top = wentBack;
    const caughtUp = it.sequencer.catchUp(it.channel);
    const answered = Promise.withResolvers<void>();
    it.delay.until = answered.promise; // the second question, for a new epoch
    await settle();
    it.isListened = false;
    answered.resolve();
    await caughtUp;
    expect([it.topsAsked, it.asked]).toEqual([2, []]);
  });
});

describe("the comparison of tops", () => {
  test("finds a last message that was lost, within some seconds", async () => {
    const it = makeSequencer();
    it.sequencer.start();
    it.top = { epoch: "e1", offset: 11 };
    await it.clock.moveInSteps(6000, 1000);
    await it.page(11, 11);
    expect(it.channel.tail.head).toBe(11);
  });

  test("goes on after one that failed, and never twice as often", async () => {
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

  test("does nothing where all is here, and nothing at all after the end", async () => {
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
  test("is done at once where nothing is missing", async () => {
    const it = makeSequencer();
    await it.sequencer.catchUp(it.channel);
    expect(it.asked).toEqual([]);
  });

  test("is done at once where the broker knows nothing of the channel", async () => {
    const it = makeSequencer();
    it.isKnown = false;
    await it.sequencer.catchUp(it.channel);
    expect([it.asked, it.renewals.seen]).toEqual([[], []]);
  });

  test("waits for what the top says, further than a repair that is under way reached", async () => {
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

  test("does not wait for ever", async () => {
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

test("the tops of many channels are compared a thousand per turn of the event loop, so that others get theirs", async () => {
  const clock = new MovedClock();
  const top: Position = { epoch: "e1", offset: 1 };
  const channels = Array.from({ length: 2500 }, (_, number) => {
    return new ListenedChannel(`room:${number}` as ChannelName, top, { perChannel: 0, total: 0, bytes: 0 });
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
