import { expect, test } from "bun:test";
import { turn } from "../../../tests/waiting.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Hold } from "./hold.ts";

function make() {
  const clock = new MovedClock();
  const done: string[] = [];
  const hold = new Hold(clock, () => done.push("released"));
  const run = (name: string) => void hold.run(async () => done.push(name));
  return { clock, done, hold, run };
}

test("requests run at once while there is no hold", async () => {
  const { hold, done, run } = make();
  run("a");
  expect([hold.isOn, done]).toEqual([false, ["a"]]);
});

test("requests wait for the release, and then run in order", async () => {
  const { hold, done, run } = make();
  hold.start(1000);
  run("a");
  run("b");
  await turn();
  expect([hold.isOn, done]).toEqual([true, []]);
  hold.release();
  hold.release();
  await turn();
  expect([hold.isOn, done]).toEqual([false, ["released", "a", "b"]]);
});

test("a hold ends when its time is over", async () => {
  const { clock, hold, done, run } = make();
  hold.start(1000);
  run("a");
  clock.move(999);
  await turn();
  expect(done).toEqual([]);
  clock.move(1);
  await turn();
  expect(done).toEqual(["released", "a"]);
});
