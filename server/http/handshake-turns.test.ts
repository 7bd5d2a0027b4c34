import { expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import { HandshakeTurns } from "./handshake-turns.ts";

test("handshakes of one turn are handled at once, up to 32, and the others in order, 32 in each later turn", async () => {
  const turns = new HandshakeTurns();
  const handled: number[] = [];
  for (let at = 0; at < 100; at++) void turns.run(() => handled.push(at));
  const counts = [handled.length];
  // One that arrives meanwhile does not overtake those that wait.
  setImmediate(() => void turns.run(() => handled.push(100)));
  while (handled.length < 101) {
    await turn();
    counts.push(handled.length);
  }
  expect(counts).toEqual([32, 64, 96, 101]);
  expect(handled).toEqual(Array.from({ length: 101 }, (_, at) => at));
});

test("one that waits has the same result, or fails in the same way", async () => {
  const turns = new HandshakeTurns();
  for (let at = 0; at < 32; at++) expect(turns.run(() => at)).toBe(at);
  expect(await turns.run(() => "late")).toBe("late");
  for (let at = 0; at < 32; at++) void turns.run(() => at);
  const fail = () => {
    throw new Error("refused");
  };
  await expect(Promise.resolve(turns.run(fail))).rejects.toThrow("refused");
});

test("handshakes of many turns are all handled at once", async () => {
  const turns = new HandshakeTurns();
  for (let at = 0; at < 100; at++) {
    expect(turns.run(() => at)).toBe(at);
    await turn();
  }
});
