import { describe, expect, test } from "bun:test";
import { HistoryThread } from "./history-thread.ts";
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
});
