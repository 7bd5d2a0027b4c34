import { expect, test } from "bun:test";

/** A test of a suite that an implementation cannot pass by design, and the reason. */
export interface Skip {
  readonly test: string;
  readonly reason: string;
}

/** Declares a test of a suite. */
export type Declare = (name: string, run: () => void | Promise<void>) => void;

/** Declares the tests of a suite that are not skipped, and a test that each skip names a test of the suite. */
export function declareSuite(skips: readonly Skip[], tests: (declare: Declare) => void): void {
  const names = new Set<string>();
  tests((name, run) => {
    names.add(name);
    const skip = skips.find((it) => it.test === name);
    if (skip === undefined) test(name, run);
    else test.skip(`${name} (${skip.reason})`, run);
  });
  test("each skip names a test of the suite", () => {
    expect(skips.filter((it) => !names.has(it.test))).toEqual([]);
  });
}
