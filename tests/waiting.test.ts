import { expect, test } from "bun:test";
import { until } from "./waiting.ts";

test.each([
  ["is not met", () => false],
  ["is not met, as a promise", async () => false],
  ["gives no answer", () => new Promise<boolean>(() => undefined)],
])("waiting for a condition that %s ends on timeout", async (_, isMet) => {
  await expect(until(isMet, "pigs fly", 50)).rejects.toThrow("timed out waiting until pigs fly");
});

test("waiting ends when the condition is met, and fails when it fails", async () => {
  let looks = 0;
  await until(() => ++looks === 3, "it was looked at three times");
  expect(looks).toBe(3);
  const fails = async () => {
    throw new Error("no wings");
  };
  await expect(until(fails, "pigs fly")).rejects.toThrow("no wings");
});
