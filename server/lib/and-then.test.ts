import { describe, expect, test } from "bun:test";
import { andFinally, andThen } from "./and-then.ts";

describe("andThen", () => {
  test("continues at once with a value that is there", () => {
    expect(andThen(1, (value) => value + 1)).toBe(2);
  });

  test("continues later with a promise", async () => {
    expect(await andThen(Promise.resolve(1), (value) => value + 1)).toBe(2);
  });
});

describe("andFinally", () => {
  const broken = new Error("broken");
  const failNow = (): string => {
    throw broken;
  };

  test.each([
    ["has a value", () => "done"],
    ["throws", failNow],
  ])("ends something that %s at once, and once", (_, run) => {
    let ends = 0;
    const end = () => {
      ends++;
    };
    if (run === failNow) expect(() => andFinally(run, end)).toThrow(broken);
    else expect(andFinally(run, end)).toBe("done");
    expect(ends).toBe(1);
  });

  test.each([
    ["is fulfilled", (deferred: PromiseWithResolvers<string>) => deferred.resolve("done")],
    ["is rejected", (deferred: PromiseWithResolvers<string>) => deferred.reject(broken)],
  ])("ends a promise that %s later, and once", async (_, settle) => {
    let ends = 0;
    const deferred = Promise.withResolvers<string>();
    const result = Promise.resolve(
      andFinally(
        () => deferred.promise,
        () => {
          ends++;
        },
      ),
    );
    expect(ends).toBe(0);
    settle(deferred);
    await Promise.allSettled([result]);
    expect(ends).toBe(1);
  });
});
