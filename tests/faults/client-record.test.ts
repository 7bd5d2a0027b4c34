import { describe, expect, test } from "bun:test";
import { ClientRecord } from "./client-record.ts";
import { Ledger } from "./ledger.ts";

const channel = "room";
const epoch = "e1";

/** A client that has read the first two of ten messages. The last five are in the history. */
function readTwo() {
  const ledger = new Ledger();
  for (let offset = 1; offset <= 10; offset++) ledger.acknowledge({ channel, epoch, offset, text: `p:${offset}` });
  const record = new ClientRecord("client", ledger, { historySize: () => 5, inFlight: 0 });
  record.joined(channel, { epoch, from: 1 }, false);
  for (const offset of [1, 2]) record.message(channel, offset, `p:${offset}`);
  const readTo10 = (from: number) => {
    for (let offset = from; offset <= 10; offset++) record.message(channel, offset, `p:${offset}`);
  };
  const outcome = () => {
    ledger.checkEnd();
    record.checkEnd([channel]);
    const { lost, doubled, gaps } = record;
    return { lost, doubled: doubled + ledger.doubled, gaps, faults: ledger.faults.length };
  };
  return { ledger, record, readTo10, outcome };
}

const sound = { lost: 0, doubled: 0, gaps: 0, faults: 0 };
const tooShort = { epoch, reason: "history-too-short" };

describe("correct deliveries are not reported as faults:", () => {
  test("resuming at a position", () => {
    const { record, readTo10, outcome } = readTwo();
    record.joined(channel, { epoch, from: 3, recovered: true }, true);
    readTo10(3);
    expect(outcome()).toEqual(sound);
  });

  test("a gap that is announced when joining or later, if the history is too short", () => {
    for (const announce of ["join", "gap"]) {
      const { record, readTo10, outcome } = readTwo();
      if (announce === "join") record.joined(channel, { from: 6, recovered: false, ...tooShort }, true);
      else record.gap(channel, { from: 3, to: 5, ...tooShort });
      readTo10(6);
      expect(outcome()).toEqual({ ...sound, gaps: 1 });
    }
  });
});

describe("the checker finds", () => {
  test("missing messages in the middle and at the end", () => {
    const { record, outcome } = readTwo();
    record.message(channel, 5, "p:5");
    expect(outcome()).toEqual({ ...sound, lost: 2 + 5 });
  });

  test("messages delivered twice or stored twice", () => {
    const { ledger, record, readTo10, outcome } = readTwo();
    record.message(channel, 2, "p:2");
    readTo10(3);
    ledger.acknowledge({ channel, epoch, offset: 11, text: "q:1" });
    record.message(channel, 11, "q:1");
    ledger.acknowledge({ channel, epoch, offset: 12, text: "q:1" });
    record.message(channel, 12, "q:1");
    expect(outcome()).toMatchObject({ lost: 0, doubled: 2 });
  });

  test.each([
    ["a gap that starts too early", { from: 2, to: 5, ...tooShort }],
    ["a gap that starts too late", { from: 4, to: 5, ...tooShort }],
    ["a gap that covers messages in the history", { from: 3, to: 6, ...tooShort }],
    ["a gap with the wrong reason", { from: 3, to: 5, epoch, reason: "epoch-changed" }],
    ["another epoch", { ...tooShort, from: 3, to: 5, epoch: "e2" }],
  ])("%s", (_, gap) => {
    const { record, readTo10, outcome } = readTwo();
    record.gap(channel, gap);
    readTo10(gap.to + 1);
    expect(outcome().faults).toBeGreaterThan(0);
  });

  test.each([
    ["a join that wrongly claims to be complete", { epoch, from: 6, recovered: true }],
    ["a join that does not claim to be complete although it is", { epoch, from: 3 }],
    ["a join that moves back", { epoch, from: 2, recovered: true }],
  ])("%s", (_, join) => {
    const { record, readTo10, outcome } = readTwo();
    record.joined(channel, join, true);
    readTo10(join.from);
    expect(outcome().faults).toBeGreaterThan(0);
  });

  test("a different message at the same position, and a message that was never acknowledged", () => {
    const { record, outcome } = readTwo();
    record.message(channel, 3, "p:4");
    record.message(channel, 11, "p:11");
    expect(outcome().faults).toBe(2);
  });

  test("messages of one publisher in the wrong order", () => {
    const { ledger, outcome } = readTwo();
    ledger.acknowledge({ channel, epoch, offset: 11, text: "p:0" });
    expect(outcome().faults).toBe(1);
  });
});
