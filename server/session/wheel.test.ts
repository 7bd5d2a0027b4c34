import { describe, expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { Wheel, type WheelMember } from "./wheel.ts";

/** A member with a name. */
class Member implements WheelMember {
  next: WheelMember | undefined;
  previous: WheelMember | undefined;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const makeMember = (name: string) => new Member(name);

/** A wheel of ten ticks of 100 ms that records its visits. */
function makeWheel() {
  const clock = new MovedClock();
  const visited: string[] = [];
  const wheel = new Wheel<Member>(
    { intervalMs: 1000, tickMs: 100, visit: ({ name }) => visited.push(name), onFault: () => undefined },
    clock,
  );
  return { clock, visited, wheel };
}

describe("a wheel", () => {
  test("visits a new member one interval later, and then once per interval", () => {
    const { clock, visited, wheel } = makeWheel();
    wheel.add(makeMember("a"));
    clock.move(999);
    expect(visited).toEqual([]);
    clock.move(1);
    expect(visited).toEqual(["a"]);
    clock.move(5000);
    expect(visited).toHaveLength(6);
  });

  test("visits members in the order in which they were added, spread over the interval", () => {
    const { clock, visited, wheel } = makeWheel();
    for (const name of ["a", "b", "c"]) {
      wheel.add(makeMember(name));
      clock.move(100);
    }
    clock.move(700);
    expect(visited).toEqual(["a"]);
    clock.move(100);
    expect(visited).toEqual(["a", "b"]);
    clock.move(100);
    expect(visited).toEqual(["a", "b", "c"]);
  });

  test("forgets a member that left, also in the turn of its visit", () => {
    const { clock, visited, wheel } = makeWheel();
    const [a, b] = [makeMember("a"), makeMember("b")];
    for (const member of [a, b]) wheel.add(member);
    wheel.remove(a);
    wheel.remove(a);
    wheel.remove(makeMember("never there"));
    expect(wheel.size).toBe(1);
    clock.move(3000);
    expect(visited).toEqual(["b", "b", "b"]);
  });

  test("visits nobody that a visit of the same turn has removed, and all others", () => {
    const clock = new MovedClock();
    const visited: string[] = [];
    const members = Array.from("abcd", makeMember);
    const visit = ({ name }: Member) => {
      visited.push(name);
      for (const member of members) if (name === "b" && member.name !== "d") wheel.remove(member);
    };
    const wheel = new Wheel<Member>({ intervalMs: 100, tickMs: 100, visit, onFault: () => undefined }, clock);
    for (const member of members) wheel.add(member);
    clock.move(100);
    expect([visited.join(""), wheel.size]).toEqual(["abd", 1]);
    clock.move(100);
    expect(visited.join("")).toBe("abdd");
  });

  test("visits a member that left and returned once", () => {
    const { clock, visited, wheel } = makeWheel();
    const a = makeMember("a");
    wheel.add(a);
    wheel.remove(a);
    clock.move(300);
    wheel.add(a);
    clock.move(1000);
    expect(visited).toEqual(["a"]);
  });

  test("with one slot, so an interval shorter than a tick, visits all members at each tick", () => {
    const clock = new MovedClock();
    let visits = 0;
    const wheel = new Wheel<Member>(
      { intervalMs: 10, tickMs: 100, visit: () => visits++, onFault: () => undefined },
      clock,
    );
    wheel.add(makeMember("a"));
    clock.move(1000);
    expect(visits).toBe(10);
  });

  test("rounds the interval to the nearest number of ticks", () => {
    const clock = new MovedClock();
    const visits: number[] = [];
    const visit = () => visits.push(clock.monotonic() - startedAt);
    const wheel = new Wheel<Member>({ intervalMs: 260, tickMs: 100, visit, onFault: () => undefined }, clock);
    const startedAt = clock.monotonic();
    wheel.add(makeMember("a"));
    clock.move(900);
    expect(visits).toEqual([300, 600, 900]);
  });

  test("stops after the end", () => {
    const { clock, visited, wheel } = makeWheel();
    wheel.add(makeMember("a"));
    wheel.close();
    wheel.close();
    clock.move(3000);
    expect(visited).toEqual([]);
  });

  test("continues with the others if a visit throws, and reports which", () => {
    const clock = new MovedClock();
    const [visited, faulty]: [string[], string[]] = [[], []];
    const visit = ({ name }: Member) => {
      if (name === "bad") throw new Error("a bug");
      visited.push(name);
    };
    const wheel = new Wheel<Member>(
      { intervalMs: 200, tickMs: 100, visit, onFault: ({ name }) => faulty.push(name) },
      clock,
    );
    for (const name of ["bad", "good"]) wheel.add(makeMember(name));
    clock.move(100);
    wheel.add(makeMember("later"));
    clock.move(800);
    expect([faulty.length, visited.filter((it) => it === "good").length]).toEqual([4, 4]);
    expect(visited.filter((it) => it === "later").length).toBeGreaterThanOrEqual(3);
    wheel.close();
  });
});
