import { expect, test } from "bun:test";
import { orAborted } from "./or-aborted.ts";

const pending = new Promise<number>(() => undefined);

test("work that ends first decides the outcome", async () => {
  const abort = new AbortController();
  expect(await orAborted(Promise.resolve(1), abort.signal)).toBe(1);
  expect(await orAborted(Promise.resolve(2), undefined)).toBe(2);
  await expect(orAborted(Promise.reject(new Error("no")), abort.signal)).rejects.toThrow("no");
});

test("work that does not end is abandoned when the signal is aborted, even if that was before", async () => {
  const abort = new AbortController();
  const working = orAborted(pending, abort.signal);
  abort.abort(new Error("stop"));
  await expect(working).rejects.toThrow("stop");
  await expect(orAborted(pending, abort.signal)).rejects.toThrow("stop");
});
