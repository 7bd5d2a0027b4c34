import { expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import type { Draft } from "../../protocol/publication.ts";
import { texts } from "../../protocol/texts.ts";
import type { Published } from "../broker/broker.ts";
import type { Moment } from "../lib/clock.ts";
import { Account } from "../limits/account.ts";
import type { ApiDependencies, Call } from "./call.ts";
import { pushBatch } from "./push-batch.ts";

const body = JSON.stringify(["alice", "bob", "carol"].map((user_id) => ({ user_id, data: 1 })));

/** Pushes to alice, bob and carol. @param connected users who are connected to another worker */
async function perform(publish: (draft: Draft, moment: Moment) => Published | Promise<Published>, connected = [""]) {
  let moments = 0;
  const hub = {
    publish,
    get moment() {
      return { now: ++moments, monotonic: 0 };
    },
    occupancy: { hasMember: () => false, connected: async () => new Set(connected) },
  };
  const call = { body, query: new URLSearchParams(), account: Account.unlimited } as unknown as Call;
  const reply = await pushBatch({ hub } as unknown as ApiDependencies, call);
  return { results: JSON.parse(reply.body).results, refusals: reply.refusals };
}

function stored(listeners: number): Published {
  return { id: "m-1", position: { epoch: "e", offset: 1 }, duplicate: false, listeners };
}

test("all items of a request are published at the same time, and it is read once", async () => {
  const seen: number[] = [];
  await perform((_, { now }) => {
    seen.push(now);
    return stored(0);
  });
  expect(seen).toEqual([1, 1, 1]);
});

test("results and refusals are in the order of the items, in whatever order the broker answers", async () => {
  const answers: PromiseWithResolvers<Published>[] = [];
  const performed = perform(() => {
    const answer = Promise.withResolvers<Published>();
    answers.push(answer);
    return answer.promise;
  });
  answers[2]?.reject(new ServiceError("broker-unavailable", "the third"));
  await undefined;
  answers[1]?.resolve(stored(0));
  await undefined;
  answers[0]?.reject(new ServiceError("idempotency-full", "the first"));
  expect(await performed).toEqual({
    results: [
      { user_id: "alice", success: false, error: "the first" },
      { user_id: "bob", success: false, error: texts.pushedPartial },
      { user_id: "carol", success: false, error: "the third" },
    ],
    refusals: [
      { code: "idempotency-full", reason: "the first", user: "alice" },
      { code: "broker-unavailable", reason: "the third", user: "carol" },
    ],
  });
});

test("a user whose message another worker listens to is looked up, and one whose message reached nobody is not", async () => {
  const { results } = await perform(({ channel }) => stored(channel === "@alice" ? 0 : 1), ["alice", "bob"]);
  expect(results).toEqual([
    { user_id: "alice", success: false, error: texts.pushedPartial },
    { user_id: "bob", success: true },
    { user_id: "carol", success: false, error: texts.pushedPartial },
  ]);
});

test("a bug is not a result", async () => {
  const bug = new TypeError("a bug");
  const failing = perform(() => {
    throw bug;
  });
  await expect(failing).rejects.toBe(bug);
});
