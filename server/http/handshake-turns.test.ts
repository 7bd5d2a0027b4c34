import { expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import { HandshakeTurns } from "./handshake-turns.ts";

test("handshakes of one turn are handled at once, up to 32, and the others in order, 32 in each later turn", async () => {
  const turns = new HandshakeTurns(() => 1000);
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
  const turns = new HandshakeTurns(() => 1000);
  for (let at = 0; at < 32; at++) expect(turns.run(() => at)).toBe(at);
  expect(await turns.run(() => "late")).toBe("late");
  for (let at = 0; at < 32; at++) void turns.run(() => at);
  const fail = () => {
    throw new Error("refused");
  };
  await expect(Promise.resolve(turns.run(fail))).rejects.toThrow("refused");
});

test("handshakes of many turns are all handled at once", async () => {
  const turns = new HandshakeTurns(() => 1000);
  for (let at = 0; at < 100; at++) {
    expect(turns.run(() => at)).toBe(at);
    await turn();
  }
});

test("no more wait than may be admitted: if there are more, all are handled at once, in order", async () => {
  let room = 50;
  const turns = new HandshakeTurns(() => room);
  const handled: number[] = [];
  const handle = (at: number) => {
    handled.push(at);
    room = Math.max(0, room - 1); // without room, a handshake is refused
  };
  let mostWaiting = 0;
  for (let at = 0; at < 300; at++) {
    void turns.run(() => handle(at));
    for (let settled = 0; settled < 5; settled++) await Promise.resolve();
    const waiting = at + 1 - handled.length;
    mostWaiting = Math.max(mostWaiting, waiting);
    expect(waiting).toBeLessThanOrEqual(room);
  }
  expect(mostWaiting).toBe(18); // of 50 places, 32 were taken at once
  expect(handled).toEqual(Array.from({ length: 300 }, (_, at) => at));
});
