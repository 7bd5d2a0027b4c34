import { describe, test } from "bun:test";

type Each = <Row>(rows: readonly Row[]) => (name: string, run: (row: Row) => unknown, timeoutMs?: number) => void;

/** Declares a test, or skips it where the machine cannot run it. */
export interface MaybeTest {
  (name: string, run: () => unknown, timeoutMs?: number): void;
  readonly each: Each;
}

/**
 * Declares tests that need something the machine may lack. A skipped test is named with the reason, and the last lines
 * of a test run list it.
 * @param reason such as "it needs Linux"
 */
export function testIf(condition: boolean, reason: string): MaybeTest {
  const declare = condition ? test : test.skip;
  const named = (name: string) => (condition ? name : `${name} (${reason})`);
  const one = (name: string, run: () => unknown, timeoutMs?: number) =>
    declare(named(name), async () => void (await run()), timeoutMs);
  const each: Each = (rows) => (name, run, timeoutMs) =>
    declare.each([...rows])(named(name), async (row) => void (await run(row)), timeoutMs);
  return Object.assign(one, { each });
}

/** Like `testIf`, for all tests of a `describe`. */
export function describeIf(condition: boolean, reason: string): (name: string, declare: () => void) => void {
  return (name, declare) => {
    if (condition) describe(name, declare);
    else describe.skip(`${name} (${reason})`, declare);
  };
}
