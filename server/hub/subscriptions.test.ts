import { expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { nameOf } from "../../tests/fakes/hub.ts";
import type { JoinPlan } from "../delivery/join.ts";
import { joinPlanOf } from "./subscriptions.ts";

/** A plan that holds the channel `room`, and what is released. */
function held() {
  const released: string[] = [];
  const delivery = { interest: { release: (name: string) => released.push(name) } };
  const plan = { channel: { name: nameOf("room") }, start: undefined } as unknown as JoinPlan;
  return { released, delivery: delivery as never, plan };
}

const unavailable = new ServiceError("broker-unavailable", "the presence store cannot be reached");

test("a join whose presence events cannot be had releases the channel", async () => {
  const { released, delivery, plan } = held();
  await expect(joinPlanOf(delivery, plan, Promise.reject(unavailable))).rejects.toBe(unavailable);
  expect(released).toEqual(["room"]);
});

test("a join that failed by itself has released it already", async () => {
  const { released, delivery } = held();
  await expect(joinPlanOf(delivery, Promise.reject(unavailable), Promise.resolve())).rejects.toBe(unavailable);
  expect(released).toEqual([]);
});

test("a join with both keeps it", async () => {
  const { released, delivery, plan } = held();
  expect(await joinPlanOf(delivery, Promise.resolve(plan), Promise.resolve())).toBe(plan);
  expect(released).toEqual([]);
});
