import { expect, test } from "bun:test";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Others } from "./others.ts";

const silenceMs = 8000;
const beatMs = 2000;

/** Time that passes while this process is suspended makes its timers late. */
class SuspendableClock extends MovedClock {
  suspendedMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.suspendedMs;
  }
}

function world() {
  const clock = new SuspendableClock();
  const left: string[] = [];
  const others = new Others({
    clock,
    silenceMs,
    onJoined: () => undefined,
    onLeft: ({ id }) => left.push(id),
    onSilent: () => undefined,
  });
  const state = { name: "other", pid: 1, isDraining: false };
  const hear = (id: string) => others.seen({ member: { id, state }, number: 1 });
  /** Time passes with heartbeats of this member, of these others, or of nobody. */
  const pass = (ms: number, { isHeard, ids }: { readonly isHeard: boolean; readonly ids: readonly string[] }) => {
    for (let passed = 0; passed < ms; passed += beatMs) {
      clock.move(beatMs);
      if (isHeard) others.sawOwnMessage();
      for (const id of ids) hear(id);
    }
  };
  return { clock, left, others, hear, pass };
}

test("a member that is silent while this one is heard has left", () => {
  const { left, hear, pass } = world();
  hear("a");
  hear("b");
  pass(3 * silenceMs, { isHeard: true, ids: ["a"] });
  expect(left).toEqual(["b"]);
});

test("no member is reported as left while Redis does not respond; members that stay silent afterwards are", () => {
  const { left, others, hear, pass } = world();
  hear("a");
  hear("b");
  pass(10 * silenceMs, { isHeard: false, ids: [] });
  expect(left).toEqual([]);
  others.sawOwnMessage();
  pass(beatMs, { isHeard: true, ids: ["a"] });
  expect(left).toEqual([]);
  pass(2 * silenceMs, { isHeard: true, ids: ["a"] });
  expect(left).toEqual(["b"]);
});

test("nobody has left because this process was suspended: what arrived meanwhile is read later", () => {
  const { clock, left, others, hear, pass } = world();
  hear("a");
  hear("b");
  pass(beatMs, { isHeard: true, ids: ["a", "b"] });
  clock.suspendedMs += 10 * silenceMs;
  clock.move(beatMs); // The check is late.
  expect([left, others.isSubscriptionBroken()]).toEqual([[], false]);
  pass(2 * silenceMs, { isHeard: true, ids: ["a"] });
  expect(left).toEqual(["b"]);
});
