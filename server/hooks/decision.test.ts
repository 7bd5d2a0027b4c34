import { describe, expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { DecisionHook } from "./decision.ts";
import type { PostAnswer, Posting } from "./post.ts";

const alice = { user_id: "alice", channel: "room:1" };
const yes = { isAllowed: true, maxAgeMs: 0 } as const;

/** A hook whose requests the test answers. */
function world({ allowsOnFailure = false } = {}) {
  const clock = new MovedClock();
  const requests: (Posting & { answer(body: object): void; fail(): void })[] = [];
  const post = (posting: Posting) => {
    const { promise, resolve, reject } = Promise.withResolvers<PostAnswer>();
    const answer = (body: object) => resolve({ status: 200, text: JSON.stringify(body), retryAfterS: undefined });
    requests.push({ ...posting, answer, fail: () => reject(new Error("connection refused")) });
    return promise;
  };
  const url = "https://app.example.com/";
  const hook = new DecisionHook({ type: "subscribe", url, timeoutMs: 3000, allowsOnFailure }, post, clock);
  return { clock, requests, hook };
}

const outcomeOf = (answer: unknown) =>
  Promise.resolve(answer).catch((error: unknown) => (error instanceof ServiceError ? error.code : error));
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Makes questions fail until the breaker opens. */
async function fail(hook: DecisionHook, requests: readonly { fail(): void }[], count = 5) {
  const outcomes: unknown[] = [];
  for (let at = 0; at < count; at++) {
    const asked = outcomeOf(hook.ask({ user_id: `u${at}` }));
    await turn();
    requests.at(-1)?.fail();
    outcomes.push(await asked);
  }
  return outcomes;
}

describe("a hook", () => {
  test("asks with type, time and question", async () => {
    const { hook, requests } = world();
    const asked = hook.ask(alice);
    await turn();
    requests[0]?.answer({ allow: true });
    expect(await asked).toEqual(yes);
    expect(requests[0]).toMatchObject({ url: "https://app.example.com/", timeoutMs: 3000 });
    expect(JSON.parse(requests[0]?.body ?? "")).toEqual({
      type: "subscribe",
      timestamp: "2026-01-01T00:00:00.000Z",
      data: alice,
    });
  });

  test("keeps an answer for as long as it says", async () => {
    const { clock, hook, requests } = world();
    const asked = hook.ask(alice);
    await turn();
    requests[0]?.answer({ allow: true, max_age_s: 60 });
    await asked;
    clock.move(59_999);
    expect(hook.ask(alice)).toEqual({ isAllowed: true, maxAgeMs: 60_000 });
    clock.move(1);
    expect(hook.ask(alice)).toBeInstanceOf(Promise);
    await turn();
    expect(requests).toHaveLength(2);
  });

  test("keeps 100,000 answers, and forgets the oldest then", async () => {
    const answer = { status: 200, text: '{"allow":true,"max_age_s":60}', retryAfterS: undefined };
    const settings = {
      type: "subscribe",
      url: "https://app.example.com/",
      timeoutMs: 3000,
      allowsOnFailure: false,
    } as const;
    const hook = new DecisionHook(settings, async () => answer, new MovedClock());
    for (let at = 0; at <= 100_000; at++) await hook.ask({ user_id: `u${at}` });
    await hook.ask({ user_id: "u1" });
    expect(hook.counts).toMatchObject({ calls: 100_001, kept: 1 });
    await hook.ask({ user_id: "u0" });
    expect(hook.counts).toMatchObject({ calls: 100_002, kept: 1 });
  });

  test("keeps a refusal too, and counts it each time", async () => {
    const { hook, requests } = world();
    const asked = hook.ask(alice);
    await turn();
    requests[0]?.answer({ allow: false, max_age_s: 60 });
    await asked;
    expect(hook.ask(alice)).toMatchObject({ isAllowed: false });
    expect(hook.counts).toEqual({ calls: 1, failures: 0, kept: 1, refusals: 2 });
  });

  test("keeps nothing by default, and nothing for another question", async () => {
    const { hook, requests } = world();
    for (const question of [alice, alice, { ...alice, channel: "room:2" }, { ...alice, user_id: null }]) {
      const asked = hook.ask(question);
      await turn();
      requests.at(-1)?.answer({ allow: true });
      await asked;
    }
    expect(requests).toHaveLength(4);
  });

  test("asks the same question once at a time", async () => {
    const { hook, requests } = world();
    const asked = [hook.ask(alice), hook.ask(alice), hook.ask(alice)];
    await turn();
    expect(requests).toHaveLength(1);
    requests[0]?.answer({ allow: true });
    expect(await Promise.all(asked)).toEqual([yes, yes, yes]);
  });

  test("sends 100 requests at the same time, and the next when one is answered", async () => {
    const { hook, requests } = world();
    const asked = Array.from({ length: 101 }, (_, at) => hook.ask({ user_id: `u${at}` }));
    await turn();
    expect(requests).toHaveLength(100);
    requests[0]?.answer({ allow: true });
    await turn();
    expect(requests).toHaveLength(101);
    for (const request of requests) request.answer({ allow: true });
    expect(await Promise.all(asked)).toHaveLength(101);
  });

  test("gives up a question that waits as long as an answer may take", async () => {
    const { clock, hook, requests } = world();
    for (let at = 0; at < 100; at++) void hook.ask({ user_id: `u${at}` });
    const late = outcomeOf(hook.ask(alice));
    await turn();
    clock.move(3000);
    expect(await late).toBe("hook-unavailable");
    // It takes no place when one is free.
    requests[0]?.answer({ allow: true });
    await turn();
    void hook.ask({ user_id: "bob" });
    await turn();
    expect(requests).toHaveLength(101);
  });

  test("lets 5000 calls wait, and refuses one more at once", async () => {
    const { hook } = world();
    for (let at = 0; at < 5100; at++) void outcomeOf(hook.ask({ user_id: `u${at}` }));
    expect(await outcomeOf(hook.ask(alice))).toBe("hook-unavailable");
  });
});

describe("an application that does not answer", () => {
  test("refuses everybody, and is not asked for a while after five failures", async () => {
    const { clock, hook, requests } = world();
    expect(new Set(await fail(hook, requests))).toEqual(new Set(["hook-unavailable"]));
    expect(await outcomeOf(hook.ask(alice))).toBe("hook-unavailable");
    expect(requests).toHaveLength(5);
    clock.move(1000);
    const again = hook.ask(alice);
    await turn();
    requests[5]?.answer({ allow: true });
    expect(await again).toEqual(yes);
  });

  test("allows everybody if the setting says so", async () => {
    const { hook, requests } = world({ allowsOnFailure: true });
    expect(await fail(hook, requests, 6)).toEqual([yes, yes, yes, yes, yes, yes]);
    expect(requests).toHaveLength(5);
    expect(hook.counts).toMatchObject({ calls: 5, failures: 5 });
  });

  test("does not change what is kept", async () => {
    const { hook, requests } = world();
    const asked = hook.ask(alice);
    await turn();
    requests[0]?.answer({ allow: true, max_age_s: 60 });
    await asked;
    await fail(hook, requests);
    expect(hook.ask(alice)).toMatchObject({ isAllowed: true });
  });
});
