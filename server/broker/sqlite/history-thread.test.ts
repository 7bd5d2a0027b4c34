import { describe, expect, test } from "bun:test";
import { eventually } from "../../../tests/waiting.ts";
import type { Clock } from "../../lib/clock.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { HistoryThread, StalledThread } from "./history-thread.ts";
import type { Request } from "./thread-messages.ts";

const unopened: Request = { verb: "list", prefix: "", after: "", limit: 1, now: 0 };

describe("HistoryThread", () => {
  test("answers requests in order, failures included", async () => {
    const thread = new HistoryThread();
    const [list, close] = await Promise.all([thread.ask(unopened), thread.ask({ verb: "close", now: 0, wall: 0 })]);
    expect([list.verb, close.verb]).toEqual(["failed", "done"]);
    await thread.end();
  });

  test("when it ends, requests in flight, waiting requests and later ones are rejected", async () => {
    const thread = new HistoryThread();
    const onItsWay = thread.ask(unopened);
    await Promise.resolve();
    const waiting = thread.ask(unopened);
    const ended = thread.end();
    for (const settled of await Promise.allSettled([onItsWay, waiting])) expect(settled.status).toBe("rejected");
    await ended;
    const [late] = await Promise.allSettled([thread.ask(unopened)]);
    expect(String(late.status === "rejected" && late.reason)).toContain("has ended");
    await thread.end();
  });

  test("when it fails because of a bug, all requests are rejected, and it can still be terminated", async () => {
    const thread = new HistoryThread();
    const [bug] = await Promise.allSettled([thread.ask(JSON.parse("null"))]);
    expect(bug.status).toBe("rejected");
    const [later] = await Promise.allSettled([thread.ask(unopened)]);
    expect(later.status).toBe("rejected");
    await thread.end();
  });

  test("that does not answer for ten seconds rejects all requests at once, until it answers", async () => {
    const clock = new MovedClock();
    const thread = new HistoryThread(undefined, clock);
    const inFlight = thread.ask(unopened);
    await Promise.resolve();
    const waiting = thread.ask(unopened);
    clock.move(10_000);
    const later = thread.ask(unopened);
    for (const settled of await Promise.allSettled([inFlight, waiting, later])) {
      expect(settled.status === "rejected" && settled.reason).toBeInstanceOf(StalledThread);
    }
    await eventually(async () => expect((await thread.ask(unopened)).verb).toBe("failed"));
    await thread.end();
    expect(clock.pending).toBe(0);
  });

  test("may take its time to close", async () => {
    const clock = new MovedClock();
    const thread = new HistoryThread(undefined, clock);
    const closing = thread.ask({ verb: "close", now: 0, wall: 0 });
    await Promise.resolve();
    clock.move(60_000);
    expect((await closing).verb).toBe("done");
    await thread.end();
  });

  test("has its full time to answer after the process was suspended", async () => {
    let now = 0;
    let timer = () => {};
    const setTimeout = (run: () => void) => {
      timer = run;
      return { cancel: () => {} };
    };
    const thread = new HistoryThread(undefined, { monotonic: () => now, setTimeout } as unknown as Clock);
    const answer = thread.ask(unopened);
    await Promise.resolve();
    now = 60_000;
    timer();
    expect((await answer).verb).toBe("failed");
    await thread.end();
  });
});
