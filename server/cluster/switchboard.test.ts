import { expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import type { ClusterEvents, MemberState } from "./cluster.ts";
import { Switchboard } from "./switchboard.ts";

const expiryMs = 6000;
const state: MemberState = { name: "worker", pid: 1, isDraining: false };
const claim = { key: "user:1", holder: "c_1", over: "nobody" } as const;

function world() {
  const clock = new StumblingClock();
  const board = new Switchboard(clock, expiryMs);
  const left: string[] = [];
  const events: ClusterEvents = {
    onJoined: () => undefined,
    onLeft: ({ id }) => left.push(id),
    onMessage: () => undefined,
    onReturned: () => undefined,
  };
  return { clock, board, left, join: () => board.join(state, events) };
}

/** A clock whose process can be suspended: time passes, and no timer runs. */
class StumblingClock extends MovedClock {
  #stoodMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.#stoodMs;
  }

  standStill(ms: number): void {
    this.#stoodMs += ms;
  }
}

test("a member that is silent for too long is removed", () => {
  const { clock, board, join } = world();
  const [a, b] = [join(), join()];
  for (let passed = 0; passed < expiryMs * 2; passed += 1000) {
    clock.move(1000);
    board.beat(a, state);
  }
  expect([board.isMember(a), board.isMember(b)]).toEqual([true, false]);
});

test("no member is removed because the switchboard's own process was suspended", () => {
  const { clock, board, left, join } = world();
  const [a, b] = [join(), join()];
  clock.move(1500);
  clock.standStill(60_000);
  clock.move(1000);
  expect(left).toEqual([]);
  // From here on, silence counts again.
  for (let passed = 0; passed < expiryMs * 2; passed += 1000) {
    clock.move(1000);
    board.beat(a, state);
  }
  expect([board.isMember(a), board.isMember(b)]).toEqual([true, false]);
});

test("a removed member can claim nothing, since nobody would release it", () => {
  const { board, join } = world();
  const [a, b] = [join(), join()];
  board.leave(a);
  expect(() => board.claim(a, claim)).toThrow("expired");
  expect(board.claim(b, claim).isGranted).toBe(true);
});

test("a removed member has seen the others leave, so they join again when it returns", () => {
  const { clock, board, left, join } = world();
  const [a, b] = [join(), join()];
  for (let passed = 0; passed < expiryMs * 2; passed += 1000) {
    clock.move(1000);
    board.beat(a, state);
  }
  expect(left).toEqual([b, a]);
});
