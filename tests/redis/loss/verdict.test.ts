import { describe, expect, test } from "bun:test";
import { judge, type Place, type Received } from "./verdict.ts";

const message = (offset: number, epoch = "e1"): Received => ({
  kind: "message",
  epoch,
  offset,
  text: `${epoch}:${offset}`,
});
const acknowledged = (...places: readonly (readonly [epoch: string, offset: number])[]) =>
  new Map(places.map(([epoch, offset]): [string, Place] => [`${epoch}:${offset}`, { channel: "a", epoch, offset }]));
const received = (...it: readonly Received[]) => [new Map([["a", it]])];
const sound = { lost: 0, doubled: 0, gaps: 0, epochs: 0, faults: [] };

describe("judge", () => {
  test("finds no fault if everything was delivered in order and once", () => {
    expect(judge(acknowledged(["e1", 1], ["e1", 2]), received(message(1), message(2)))).toEqual(sound);
  });

  test("counts acknowledged messages that were neither delivered nor announced as missing", () => {
    expect(judge(acknowledged(["e1", 1], ["e1", 2]), received(message(1)))).toEqual({ ...sound, lost: 1 });
  });

  test("an announced gap accounts for exactly its offsets", () => {
    const gap: Received = { kind: "gap", epoch: "e1", from: 2, to: 3 };
    expect(judge(acknowledged(["e1", 2], ["e1", 3], ["e1", 5]), received(message(1), gap, message(4)))).toEqual({
      ...sound,
      lost: 1,
      gaps: 1,
    });
  });

  test("a new epoch accounts for undelivered messages of the previous one, and for none of its own", () => {
    const change: Received = { kind: "gap", epoch: "e2", from: 1, to: 1 };
    const places = acknowledged(["e1", 1], ["e1", 2], ["e2", 2], ["e2", 3]);
    expect(judge(places, received(message(1), change, message(2, "e2")))).toEqual({
      ...sound,
      lost: 1,
      gaps: 1,
      epochs: 1,
    });
  });

  test("a change of the epoch accounts for skipped epochs, and nothing else does", () => {
    const change: Received = { kind: "gap", epoch: "e3", from: 1, to: 0 };
    const places = acknowledged(["e1", 1], ["e2", 1], ["e3", 1]);
    expect(judge(places, received(message(1), change, message(1, "e3"))).lost).toBe(0);
    expect(judge(places, received(message(1))).lost).toBe(2);
  });

  test("finds duplicates, unannounced gaps, and positions with two messages", () => {
    expect(judge(new Map(), received(message(1), message(1))).doubled).toBe(1);
    expect(judge(new Map(), received(message(1), message(3))).faults).toHaveLength(1);
    const other: Received = { kind: "message", epoch: "e1", offset: 1, text: "another" };
    expect(judge(acknowledged(["e1", 1]), received(other)).faults).toEqual(["a e1 1 names e1:1 and another"]);
  });
});
