import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SocketUnderTest } from "../e2e/socket.ts";
import { testIf } from "../test-if.ts";
import { isRunning, until } from "../waiting.ts";
import { lateness, ScheduleFleet, type WantedSchedule } from "./schedule-fleet.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const testLong = testIf(isLong, "it takes minutes: npm test -- --long");

/** Schedules that are all due within a time, some seconds from now. */
function due(count: number, inMs: number, withinMs: number): readonly WantedSchedule[] {
  const start = Date.now() + inMs;
  return Array.from({ length: count }, (_, n) => ({ id: `s${n}`, at: start + Math.floor((n * withinMs) / count) }));
}

/** Each of them was published once, and nothing else. */
async function expectEachOnce(fleet: ScheduleFleet, wanted: readonly WantedSchedule[], title: string): Promise<void> {
  const fired = await fleet.fired();
  expect(fired.map(({ id }) => id).toSorted()).toEqual(wanted.map(({ id }) => id).toSorted());
  console.log(`${title}: ${lateness(fired)}`);
}

/** The process with the lease, once there is one. */
async function holderOf(fleet: ScheduleFleet): Promise<number> {
  await until(async () => (await fleet.holder()) !== undefined, "somebody has the lease");
  return (await fleet.holder()) ?? 0;
}

/** A later schedule has fired: whoever fires now has nothing left that was due before. */
async function untilSettled(fleet: ScheduleFleet, count: number): Promise<WantedSchedule> {
  const last = { id: "last", at: Date.now() + 1000 };
  await fleet.schedule([last]);
  await fleet.untilFired(count + 1);
  return last;
}

describe("two nodes of three workers on one Redis", () => {
  let fleet: ScheduleFleet;
  beforeAll(async () => {
    fleet = await ScheduleFleet.start({ NOTIFICATION_INTERVAL: "1", NOTIFICATION_MESSAGE: "tick" });
  }, 60_000);
  afterAll(() => fleet[Symbol.asyncDispose](), 60_000);

  test("R1: each client gets the periodic message once per interval", async () => {
    const clients = await Promise.all(
      fleet.nodes.flatMap(({ wsUrl }) => Array.from({ length: 6 }, () => SocketUnderTest.open(wsUrl))),
    );
    for (const client of clients) {
      const ticks = await client.untilMessages(3);
      const times = ticks.map(({ id }) => Date.parse(String(id).split(":").slice(3).join(":")));
      expect(times).toEqual(times.map((_, n) => (times[0] ?? 0) + n * 1000));
      client.close();
    }
  });

  test("a schedule made on one node is seen, and changed, on the other", async () => {
    const [one, two] = fleet.nodes;
    const body = { publish: { channel: "shared", message: "hi" }, every_s: 3600 };
    expect((await one?.request("PUT", "/v1/schedules/shared", body))?.status).toBe(201);
    expect((await two?.request("PUT", "/v1/schedules/shared", body))?.status).toBe(200);
    expect((await two?.request("DELETE", "/v1/schedules/shared"))?.status).toBe(200);
    expect((await one?.request("GET", "/v1/schedules/shared"))?.status).toBe(404);
  });
});

describe("each schedule fires once", () => {
  test("if the process with the lease is killed while it fires them", async () => {
    await using fleet = await ScheduleFleet.start();
    const pid = await holderOf(fleet);
    await fleet.avoid(pid);
    using client = await fleet.subscribe();
    const wanted = due(600, 3000, 1500);
    await fleet.schedule(wanted);
    await client.untilMessages(150);
    process.kill(pid, "SIGKILL");
    await fleet.untilFired(wanted.length);
    await expectEachOnce(fleet, [...wanted, await untilSettled(fleet, wanted.length)], "kill -9 while firing");
    expect(await holderOf(fleet)).not.toBe(pid);
  }, 60_000);

  const stopped = async (stoppedMs: number) => {
    await using fleet = await ScheduleFleet.start();
    const pid = await holderOf(fleet);
    await fleet.avoid(pid);
    using client = await fleet.subscribe();
    const wanted = due(600, 3000, 1500);
    await fleet.schedule(wanted);
    await client.untilMessages(150);
    process.kill(pid, "SIGSTOP");
    const until = performance.now() + stoppedMs;
    await fleet.untilFired(wanted.length);
    await waitUntil(until);
    // Its supervisor may have replaced it by now.
    if (isRunning(pid)) process.kill(pid, "SIGCONT");
    await expectEachOnce(
      fleet,
      [...wanted, await untilSettled(fleet, wanted.length)],
      `stopped for ${stoppedMs / 1000} s while firing`,
    );
  };

  test("if the process with the lease stands still until another one has taken over", () => stopped(0), 60_000);
  testLong("if the process with the lease stands still for 20 s", () => stopped(20_000), 120_000);

  test("if Redis is gone across the due time", async () => {
    await using fleet = await ScheduleFleet.start();
    const wanted = due(200, 3000, 1000);
    await fleet.schedule(wanted);
    await fleet.redis.kill();
    await waitUntil(performance.now() + Math.max(0, (wanted.at(-1)?.at ?? 0) - Date.now()) + 1000);
    await fleet.redis.run();
    await until(async () => (await fleet.one.request("GET", "/readyz")).status === 200, "the server is ready again");
    await fleet.untilFired(wanted.length);
    const all = [...wanted, await untilSettled(fleet, wanted.length)];
    await expectEachOnce(fleet, all, "Redis gone for 5 s across the due time");
  }, 60_000);

  const crowd = async (count: number, withinMs: number, inMs: number) => {
    await using fleet = await ScheduleFleet.start();
    const wanted = due(count, inMs, withinMs);
    await fleet.schedule(wanted);
    expect(Date.now()).toBeLessThan((wanted[0]?.at ?? 0) + withinMs);
    await fleet.untilFired(count, withinMs + inMs + 60_000);
    await expectEachOnce(fleet, wanted, `${count} due within ${withinMs / 1000} s`);
  };

  test("when 2,000 are due in the same second", () => crowd(2000, 1000, 8000), 60_000);
  testLong("when 10,000 are due in one minute", () => crowd(10_000, 60_000, 30_000), 240_000);
  testLong("when 10,000 are due in the same second", () => crowd(10_000, 1000, 60_000), 240_000);
});

function waitUntil(time: number): Promise<void> {
  return until(() => performance.now() >= time, "the time has passed");
}
