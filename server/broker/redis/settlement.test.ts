import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import type { OffsetAnswer, OldRecord } from "./offset-queries.ts";
import { Settlement } from "./settlement.ts";

const old = (name: string, top = 5): OldRecord => ({
  channel: name as ChannelName,
  epoch: "e1",
  top,
  replicationId: "before",
});

/** A settlement of these records, and its decisions. */
function settlementOf(records: readonly OldRecord[], answerOf: (record: OldRecord) => OffsetAnswer) {
  const decisions = new Map<string, boolean>();
  const questions: number[] = [];
  const settlement = new Settlement({
    readTop: async (channel): Promise<Position | OldRecord> =>
      records.find((it) => it.channel === channel) ?? { epoch: "now", offset: 1 },
    ask: async (asked) => {
      questions.push(asked.length);
      return asked.map(answerOf);
    },
    settle: async (record, isKept) => {
      decisions.set(record.channel, isKept);
      return { epoch: isKept ? record.epoch : "new", offset: record.top };
    },
  });
  return { settlement, decisions, questions };
}

describe("a channel with an old record", () => {
  test.each([
    ["keeps its epoch if all members answered and none has seen more", { highest: 5, isComplete: true }, true],
    ["gets a new epoch if a member has seen one offset more", { highest: 6, isComplete: true }, false],
    ["gets a new epoch if a member did not answer", { highest: 0, isComplete: false }, false],
  ])("%s", async (_, answer, isKept) => {
    const { settlement, decisions } = settlementOf([old("a")], () => answer);
    await settlement.settle("a" as ChannelName);
    expect(decisions.get("a")).toBe(isKept);
    expect(settlement.isPending("a" as ChannelName)).toBe(false);
  });

  test("causes no query if another member has settled it in the meantime", async () => {
    const { settlement, questions } = settlementOf([], () => ({ highest: 0, isComplete: true }));
    await settlement.settle("a" as ChannelName);
    expect(questions).toEqual([]);
  });
});

test("many channels are settled in batches of 1000, and each call waits for its own batch only", async () => {
  const records = Array.from({ length: 2500 }, (_, n) => old(`c${n}`));
  const { settlement, decisions, questions } = settlementOf(records, () => ({ highest: 5, isComplete: true }));
  const [first] = records.map((it) => settlement.settle(it.channel));
  expect(settlement.isPending("c2499" as ChannelName)).toBe(true);
  await first;
  expect(decisions.has("c2499")).toBe(false);
  await settlement.settle("c2499" as ChannelName);
  expect([decisions.size, questions]).toEqual([2500, [1000, 1000, 500]]);
});

test("a failed query leaves the channel as it is and blocks no later call", async () => {
  let fails = true;
  const settlement = new Settlement({
    readTop: async () => old("a"),
    ask: async () => {
      if (fails) throw new Error("disconnected");
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
