import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SocketUnderTest } from "../e2e/socket.ts";
import { Shared } from "../shared.ts";
import { testIf } from "../test-if.ts";
import { isRunning, until } from "../waiting.ts";
import { lateness, ScheduleFleet, type WantedSchedule } from "./schedule-fleet.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const testLong = testIf(isLong, "it takes minutes: npm test -- --long");

/** Schedules that are all due within a time, some seconds from now. */
function due(channel: string, count: number, { inMs, withinMs }: { inMs: number; withinMs: number }) {
  const start = Date.now() + inMs;
  return Array.from({ length: count }, (_, n): WantedSchedule => {
    return { id: `${channel}-${n}`, channel, at: start + Math.floor((n * withinMs) / count) };
  });
}

let fleet: ScheduleFleet;
const shared = new Shared();
beforeAll(async () => {
  fleet = await shared.use(ScheduleFleet.start({ NOTIFICATION_INTERVAL: "1", NOTIFICATION_MESSAGE: "tick" }));
}, 240_000);
afterAll(() => shared.close(), 240_000);

/** Waits for a later schedule, so the process that fires now has nothing left to do. Then each was published once, and nothing else. */
async function expectEachOnce(channel: string, wanted: readonly WantedSchedule[], title: string): Promise<void> {
  const last = { id: `${channel}-last`, channel, at: Date.now() + 500 };
  await fleet.schedule([last]);
  await fleet.untilFired(channel, wanted.length + 1);
  const fired = await fleet.fired(channel);
  const ids = [...wanted, last].map(({ id }) => id);
  expect(fired.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  console.log(`${title}: ${lateness(fired)}`);
}

/** The process with the lease, once there is one. From now on its node is not asked. */
async function holderToBreak(): Promise<number> {
  await until(async () => (await fleet.holder()) !== undefined, "somebody has the lease");
  const pid = (await fleet.holder()) ?? 0;
  await fleet.avoidNodeOf(pid);
  return pid;
}

describe("two nodes of three workers on one Redis", () => {
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
    const pid = await holderToBreak();
    using client = await fleet.subscribe("killed");
    const wanted = due("killed", 600, { inMs: 1500, withinMs: 1500 });
    await fleet.schedule(wanted);
    await client.untilMessages(150);
    process.kill(pid, "SIGKILL");
    await fleet.untilFired("killed", wanted.length);
    await expectEachOnce("killed", wanted, "kill -9 while firing");
    expect(await fleet.holder()).not.toBe(pid);
  });

  const standStill = async (channel: string, leastMs: number) => {
    const pid = await holderToBreak();
    using client = await fleet.subscribe(channel);
    const wanted = due(channel, 600, { inMs: 1500, withinMs: 1500 });
    await fleet.schedule(wanted);
    await client.untilMessages(150);
    process.kill(pid, "SIGSTOP");
    const goesOnAt = performance.now() + leastMs;
    await fleet.untilFired(channel, wanted.length);
    await untilTime(goesOnAt);
    // Its supervisor may have replaced it by now.
    if (isRunning(pid)) process.kill(pid, "SIGCONT");
    await expectEachOnce(channel, wanted, `SIGSTOP for ${leastMs / 1000} s or more while firing`);
  };

  test("if the process with the lease is suspended until another one has taken over", () => standStill("still", 0));
  testLong("if the process with the lease is suspended for 20 s", () => standStill("still:20", 20_000));

  test("if Redis is gone across the due time", async () => {
    const wanted = due("gone", 200, { inMs: 1500, withinMs: 1000 });
    await fleet.schedule(wanted);
    await fleet.redis.kill();
    await untilTime(performance.now() + Math.max(0, (wanted.at(-1)?.at ?? 0) - Date.now()) + 1000);
    await fleet.redis.run();
    await until(async () => (await fleet.one.request("GET", "/readyz")).status === 200, "the server is ready again");
    await fleet.untilFired("gone", wanted.length);
    await expectEachOnce("gone", wanted, "Redis gone across the due time");
  });

  const crowd = async (channel: string, count: number, times: { inMs: number; withinMs: number }) => {
    const wanted = due(channel, count, times);
    await fleet.schedule(wanted);
    await fleet.untilFired(channel, count, times.inMs + times.withinMs + 60_000);
    await expectEachOnce(channel, wanted, `${count} due within ${times.withinMs / 1000} s`);
  };

  test("when 2,000 are due in the same second", () => crowd("crowd", 2000, { inMs: 2000, withinMs: 1000 }));
  testLong(
    "when 10,000 are due in one minute",
    () => crowd("minute", 10_000, { inMs: 10_000, withinMs: 60_000 }),
    240_000,
  );
  testLong(
    "when 10,000 are due in the same second",
    () => crowd("second", 10_000, { inMs: 10_000, withinMs: 1000 }),
    240_000,
  );
});

function untilTime(time: number): Promise<void> {
  return until(() => performance.now() >= time, "the time has passed");
}
