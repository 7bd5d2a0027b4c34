import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import { Settlement } from "./settlement.ts";
import type { OldRecord, Testimony } from "./talk.ts";

const old = (name: string, top = 5): OldRecord => ({ channel: name as ChannelName, epoch: "e1", top, life: "before" });

/** A settlement of these records, and what it decided. */
function settlementOf(records: readonly OldRecord[], testimonyOf: (record: OldRecord) => Testimony) {
  const decisions = new Map<string, boolean>();
  const questions: number[] = [];
  const settlement = new Settlement({
    look: async (channel): Promise<Position | OldRecord> =>
      records.find((it) => it.channel === channel) ?? { epoch: "now", offset: 1 },
    ask: async (asked) => {
      questions.push(asked.length);
      return asked.map(testimonyOf);
    },
    settle: async (record, isKept) => {
      decisions.set(record.channel, isKept);
      return { epoch: isKept ? record.epoch : "new", offset: record.top };
    },
  });
  return { settlement, decisions, questions };
}

describe("a channel whose record is of another life", () => {
  test.each([
    ["goes on where all answered and none has seen more", { highest: 5, isComplete: true }, true],
    ["has a new epoch where somebody has seen one more", { highest: 6, isComplete: true }, false],
    ["has a new epoch where somebody did not answer", { highest: 0, isComplete: false }, false],
  ])("%s", async (_, testimony, isKept) => {
    const { settlement, decisions } = settlementOf([old("a")], () => testimony);
    await settlement.settle("a" as ChannelName);
    expect(decisions.get("a")).toBe(isKept);
    expect(settlement.isPending("a" as ChannelName)).toBe(false);
  });

  test("is not asked about where somebody else has settled it meanwhile", async () => {
    const { settlement, questions } = settlementOf([], () => ({ highest: 0, isComplete: true }));
    await settlement.settle("a" as ChannelName);
    expect(questions).toEqual([]);
  });
});

test("100,000 channels are slices of one question, and whoever waits for one of them waits for it only", async () => {
  const records = Array.from({ length: 2500 }, (_, n) => old(`c${n}`));
  const { settlement, decisions, questions } = settlementOf(records, () => ({ highest: 5, isComplete: true }));
  const [first] = records.map((it) => settlement.settle(it.channel));
  expect(settlement.isPending("c2499" as ChannelName)).toBe(true);
  await first;
  expect(decisions.has("c2499")).toBe(false);
  await settlement.settle("c2499" as ChannelName);
  expect([decisions.size, questions]).toEqual([2500, [1000, 1000, 500]]);
});

test("a question that fails leaves the channel as it is, and holds nobody up", async () => {
  let fails = true;
  const settlement = new Settlement({
    look: async () => old("a"),
    ask: async () => {
      if (fails) throw new Error("cut off");
      return [{ highest: 0, isComplete: true }];
    },
    settle: async () => ({ epoch: "e1", offset: 5 }),
  });
  await settlement.settle("a" as ChannelName);
  expect(settlement.isPending("a" as ChannelName)).toBe(false);
  fails = false;
  await settlement.settle("a" as ChannelName);
  expect(settlement.isPending("a" as ChannelName)).toBe(false);
});
