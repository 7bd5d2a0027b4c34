import { describe, expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import type { PostAnswer, Posting } from "./post.ts";
import { WebhookQueue, type WebhookQueueSettings } from "./webhook-queue.ts";

interface Request extends Posting {
  /** Answers with a status. */
  answer(status: number, retryAfterS?: number): Promise<void>;
  fail(): Promise<void>;
}

/** A queue whose requests the test answers. */
function world(settings: Partial<WebhookQueueSettings> = {}) {
  const clock = new MovedClock();
  const requests: Request[] = [];
  const post = (posting: Posting) => {
    const { promise, resolve, reject } = Promise.withResolvers<PostAnswer>();
    const answer = async (status: number, retryAfterS?: number) => {
      resolve({ status, text: "", retryAfterS });
      await turn();
    };
    const fail = async () => {
      reject(new Error("connection refused"));
      await turn();
    };
    requests.push({ ...posting, answer, fail });
    return promise;
  };
  const usual = {
    url: "https://app.example.com/",
    timeoutMs: 3000,
    retryForMs: 600_000,
    maxEvents: 1000,
    maxBytes: 1e6,
  };
  const queue = new WebhookQueue({ ...usual, ...settings }, post, clock);
  const add = (id: string, lane = "room", body = `{"id":"${id}"}`) => queue.add({ id, lane, body });
  return { clock, requests, queue, add, ids: () => requests.map(({ id }) => id) };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("events", () => {
  test("of one lane are sent in order, each after the one before was accepted", async () => {
    const { requests, add, ids, queue } = world();
    for (const id of ["a", "b", "c"]) add(id);
    expect(ids()).toEqual(["a"]);
    await requests[0]?.answer(204);
    await requests[1]?.answer(200);
    expect(ids()).toEqual(["a", "b", "c"]);
    await requests[2]?.answer(202);
    expect([queue.size, queue.bytes, queue.counts]).toEqual([0, 0, { sent: 3, failures: 0, dropped: 0 }]);
  });

  test("of different lanes do not wait for each other, up to 16 at the same time", async () => {
    const { requests, add, ids } = world();
    for (let at = 0; at < 20; at++) add(`e${at}`, `room:${at}`);
    expect(ids()).toHaveLength(16);
    await requests[3]?.answer(204);
    expect(ids().at(-1)).toBe("e16");
  });

  test("are tried again with the same id and growing pauses, and those behind them wait", async () => {
    const { clock, requests, add, ids } = world();
    add("a");
    add("b");
    await requests[0]?.answer(500);
    expect(ids()).toEqual(["a"]);
    clock.move(1000);
    await requests[1]?.fail();
    clock.move(999);
    expect(ids()).toEqual(["a", "a"]);
    clock.move(1001);
    await requests[2]?.answer(204);
    expect(ids()).toEqual(["a", "a", "a", "b"]);
  });

  test("that are refused do not hold up other lanes", async () => {
    const { requests, add, ids } = world();
    for (let at = 0; at < 10; at++) {
      add(`e${at}`, `room:${at}`);
      await requests[at]?.answer(422);
    }
    expect(ids()).toHaveLength(10);
  });

  test("wait as long as Retry-After says", async () => {
    const { clock, requests, add, ids } = world();
    add("a");
    await requests[0]?.answer(429, 20);
    clock.move(19_999);
    expect(ids()).toEqual(["a"]);
    clock.move(1);
    expect(ids()).toEqual(["a", "a"]);
  });

  test("are dropped after the time to retry, and the next one is sent", async () => {
    const { clock, requests, add, ids, queue } = world({ retryForMs: 5000 });
    add("a");
    for (let tries = 0; queue.counts.dropped === 0 && tries < 20; tries++) {
      await requests.at(-1)?.answer(400);
      clock.move(1000);
    }
    expect(clock.now() - Date.UTC(2026, 0, 1)).toBeLessThanOrEqual(6000);
    add("b");
    expect(ids().at(-1)).toBe("b");
    expect([queue.size, queue.counts.dropped]).toEqual([1, 1]);
  });
});

describe("a receiver that does not respond", () => {
  test("gets no more requests than one now and then, until it answers", async () => {
    const { clock, requests, add, ids } = world();
    for (let at = 0; at < 100; at++) add(`e${at}`, `room:${at}`);
    for (let at = 0; at < requests.length; at++) await requests[at]?.fail();
    expect(requests.length).toBeLessThanOrEqual(16 + 4); // until the fifth failure, each is followed by another one
    const before = ids().length;
    clock.move(1100);
    await turn();
    expect(ids()).toHaveLength(before + 1);
    await requests.at(-1)?.fail();
    clock.move(2200);
    await turn();
    expect(ids()).toHaveLength(before + 2);
    await requests.at(-1)?.answer(204);
    expect(ids()).toHaveLength(before + 18);
  });
});

describe("a client that causes very many events", () => {
  const flood = (queue: WebhookQueue) => {
    for (let at = 0; at < 1000; at++) queue.add({ id: `m${at}`, lane: `c${at}`, body: "{}", client: "user:mallory" });
  };

  test("fills a quarter of the queue, and the events of others are sent", async () => {
    const { add, queue } = world({ maxEvents: 100 });
    flood(queue);
    expect([queue.size, queue.counts.dropped]).toEqual([25, 975]);
    queue.add({ id: "a", lane: "c_alice", body: "{}", client: "user:alice" });
    for (let at = 0; at < 74; at++) add(`k${at}`, "orders");
    expect([queue.size, queue.counts.dropped]).toEqual([100, 975]);
  });

  test("has its part again when its events were sent", async () => {
    const { requests, queue } = world({ maxEvents: 100 });
    for (let round = 0, answered = 0; round < 3; round++) {
      flood(queue);
      expect(queue.size).toBe(25);
      for (; queue.size > 0; answered++) await requests[answered]?.answer(204);
    }
    expect(queue.bytes).toBe(0);
  });
});

describe("a queue that is full", () => {
  test("of events drops new ones, counts them, and takes events again when there is room", async () => {
    const { requests, add, ids, queue } = world({ maxEvents: 3 });
    for (const id of ["a", "b", "c", "d"]) add(id);
    expect([queue.size, queue.counts.dropped]).toEqual([3, 1]);
    await requests[0]?.answer(204);
    add("e");
    for (let at = 1; at < requests.length; at++) await requests[at]?.answer(204);
    expect(ids()).toEqual(["a", "b", "c", "e"]);
  });

  test("of bytes does the same, with the overhead of an event counted", () => {
    const { add, queue } = world({ maxBytes: 10_000 });
    for (let at = 0; at < 100; at++) add(`e${at}`, "room", "x".repeat(1000));
    expect(queue.size).toBe(6);
    expect(queue.bytes).toBeLessThanOrEqual(10_000);
    expect(queue.counts.dropped).toBe(94);
  });
});

describe("when the server stops", () => {
  test("remaining events are sent first, and no new ones are accepted", async () => {
    const { requests, add, ids, queue } = world();
    for (const id of ["a", "b"]) add(id);
    const closing = queue.close(3000);
    add("c");
    await requests[0]?.answer(204);
    await requests[1]?.answer(204);
    await closing;
    expect([ids(), queue.counts]).toEqual([["a", "b"], { sent: 2, failures: 0, dropped: 1 }]);
  });

  test("events that wait for their next attempt are retried at once", async () => {
    const { requests, add, queue } = world();
    add("a");
    await requests[0]?.answer(500);
    const closing = queue.close(3000);
    await requests[1]?.answer(204);
    await closing;
    expect(queue.counts).toEqual({ sent: 1, failures: 1, dropped: 0 });
  });

  test("a receiver that does not answer does not hold it up", async () => {
    const { clock, add, queue } = world();
    for (const id of ["a", "b"]) add(id);
    const closing = queue.close(3000);
    clock.move(3000);
    await closing;
    await queue.close(3000);
    expect([queue.counts.dropped, clock.pending]).toEqual([2, 0]);
  });
});
