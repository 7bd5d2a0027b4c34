import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { ConnectionFacts, MembershipFacts, TracedPublication } from "./facts.ts";
import type { Note } from "./records.ts";
import { explain } from "./sentence.ts";
import { judge, type Verdict, verdictTable } from "./verdict.ts";

const channel = "room:1" as ChannelName;
const publication: TracedPublication = { channel, epoch: "e1", offset: 7, id: "m7" };
const member: MembershipFacts = { epoch: "e1", after: 2, cursor: 9, flushed: 9, head: 9, joinedTime: 1000 };
const left: Note = { kind: "left", by: "client", at: 2000, channel, epoch: "e1", after: 2, cursor: 5 };
const refused: Note = { kind: "refused", at: 2000, channel, code: "forbidden", reason: "not allowed" };
const gap: Note = { kind: "gap", at: 2000, channel, epoch: "e1", from: 6, to: 7, reason: "history-too-short" };
const base: ConnectionFacts = {
  connection: "c_1",
  user: "u1",
  remote: "127.0.0.1:5",
  connectedTime: 500,
  bufferedBytes: 0,
  isFull: false,
  notes: [],
  gaps: [],
  rule: { subscribe: "token" },
};
const ended = { at: 3000, closed: undefined, wasFull: false };
const coverage = { epoch: "e1", after: 2, cursor: 5 };

type Case = readonly [
  name: string,
  facts: Partial<ConnectionFacts>,
  Verdict,
  part: string,
  other?: Partial<TracedPublication>,
];

const cases: readonly Case[] = [
  ["sent and drained", { membership: member }, "drained", "was sent offset 7"],
  ["sent, last offset", { membership: { ...member, cursor: 7, flushed: 7, head: 7 } }, "drained", "was sent offset 7"],
  ["still buffered", { membership: member, bufferedBytes: 512 }, "sent", "512 bytes are still buffered"],
  ["behind, from history", { membership: { ...member, cursor: 6 } }, "lagging", "up to offset 6 of 9"],
  ["behind, full", { membership: { ...member, cursor: 6 }, isFull: true, bufferedBytes: 9 }, "lagging", "too slowly"],
  ["not flushed yet", { membership: { ...member, cursor: 6, flushed: 6 } }, "pending", "next flush"],
  ["not arrived yet", { membership: { ...member, cursor: 6, flushed: 6, head: 6 } }, "not-arrived", "up to offset 6"],
  ["excluded", { membership: member }, "excluded", "excluded by the publisher", { excluded: "c_1" }],
  ["another one excluded", { membership: member }, "drained", "was sent", { excluded: "c_2" }],
  ["joined after it", { membership: { ...member, after: 7 } }, "joined-later", "did not request earlier ones"],
  ["joined right before it", { membership: { ...member, after: 6 } }, "drained", "was sent offset 7"],
  [
    "resumed beyond it",
    { membership: { ...member, after: 8, recovered: true } },
    "resumed-after",
    "already has offset 7",
  ],
  ["resumed with a gap", { membership: { ...member, after: 8, recovered: false } }, "gap", "did not reach back"],
  ["lost in a gap", { membership: member, notes: [gap] }, "gap", "offsets 6 to 7"],
  ["lost to all", { membership: member, gaps: [{ ...gap, reason: "epoch-changed" }] }, "gap", "new epoch"],
  ["lost to all before it joined", { membership: member, gaps: [{ ...gap, at: 900 }] }, "drained", "was sent"],
  ["another epoch", { membership: { ...member, epoch: "e2" } }, "other-epoch", "started again"],
  ["left before it", { notes: [left] }, "left", "at its own request, when it had been sent up to offset 5"],
  ["left by a token", { notes: [{ ...left, by: "token" }] }, "left", "new token does not allow it"],
  ["left after it", { notes: [{ ...left, cursor: 7 }] }, "sent-before-leaving", "was sent offset 7 before it left"],
  [
    "joined again",
    { membership: { ...member, after: 8 }, notes: [{ ...left, cursor: 8 }] },
    "sent-before-leaving",
    "left",
  ],
  ["joined after it, and left", { notes: [{ ...left, after: 8, cursor: 9 }] }, "not-subscribed", "never subscribed"],
  ["left in another epoch", { notes: [{ ...left, epoch: "e0" }] }, "not-subscribed", "never subscribed"],
  ["refused", { notes: [refused] }, "refused", "was refused (forbidden): not allowed"],
  ["never subscribed", {}, "not-subscribed", "it may subscribe to it"],
  [
    "never subscribed, default",
    { forbidden: "no" },
    "not-subscribed",
    "the default (subscribe: token) would refuse it: no",
  ],
  [
    "never subscribed, rule",
    { forbidden: "no", rule: { match: "room:*", subscribe: "nobody" } },
    "not-subscribed",
    'the channel rule "room:*" (subscribe: nobody)',
  ],
  ["never subscribed, hook", { rule: { match: "a", subscribe: "hook" } }, "not-subscribed", "the application decides"],
  ["gone before it", { ended: { ...ended, coverage } }, "gone", "up to offset 5"],
  ["gone, was not in it", { ended }, "gone", "was not in room:1"],
  [
    "gone after it",
    { ended: { ...ended, coverage: { ...coverage, cursor: 7 } } },
    "sent-before-end",
    "before it ended",
  ],
  [
    "gone after it, unanswered ping",
    { ended: { ...ended, closed: "no-pong", coverage: { ...coverage, cursor: 7 } } },
    "sent-before-end",
    "may have been gone already",
  ],
  [
    "gone with a full socket",
    { ended: { ...ended, wasFull: true, coverage: { ...coverage, cursor: 7 } } },
    "sent-before-end",
    "may not have left the server",
  ],
  [
    "gone with a gap",
    { ended: { ...ended, coverage: { ...coverage, cursor: 7 } }, notes: [gap] },
    "gap",
    "cannot receive offset",
  ],
  ["gone, another epoch", { ended: { ...ended, coverage: { ...coverage, epoch: "e0" } } }, "other-epoch", "again"],
];

describe("the verdict about a publication:", () => {
  test.each(cases)("%s", (_, facts, verdict, part, other = {}) => {
    const explanation = explain({ ...publication, ...other }, { ...base, ...facts });
    expect(explanation.verdict).toBe(verdict);
    expect(explanation.sentence).toStartWith("c_1 of u1 ");
    expect(explanation.sentence).toContain(part);
    expect(explanation.sentence).toEndWith(".");
  });

  test("every verdict has a case", () => {
    expect([...new Set(cases.map(([, , verdict]) => verdict))].toSorted()).toEqual(
      (Object.keys(verdictTable) as Verdict[]).toSorted(),
    );
  });

  test("a connection without a user is named by its id", () => {
    const { user: _, ...anonymous } = base;
    expect(explain(publication, anonymous).sentence).toStartWith("c_1 is connected");
    expect(judge(publication, anonymous).verdict).toBe("not-subscribed");
  });
});
