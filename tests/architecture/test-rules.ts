import type { Rule } from "./rules.ts";
import { isTest, type Sources } from "./sources.ts";

/** The files that may do what the rules forbid, because all other files do it through them. */
const helpers = {
  skipping: ["tests/test-if.ts", "tests/conformance/skip.ts"],
  waiting: ["tests/waiting.ts"],
  random: ["tests/seed.ts", "tests/simulation/dice.ts"],
  fastCheck: ["tests/property.ts"],
};

/** `test.only` would hide all other tests. `test.skip` does not say why a test is skipped, so tests use `testIf`. */
export const testsAreRun: Rule = (sources) =>
  linesWith(
    testsOf(sources, helpers.skipping),
    /\b(?:test|it|describe)(?:\.\w+)*\.(?:only|skip|skipIf|if|todo|todoIf|failing)\b/,
    'say why a test is skipped: testIf(condition, "reason") of tests/test-if.ts',
  );

/** A run also fails if a test passes without checking anything. This rule finds empty tests without running them. */
export const testsAreNotEmpty: Rule = (sources) =>
  linesWith(
    testsOf(sources, []),
    /^\s*(?:test|it)(?:\.\w+)*(?:\([^"'`]*\))?\(\s*(?:"[^"]*"|'[^']*'|`[^`]*`),\s*(?:async )?(?:\([^()]*\)|\w+) => \{\s*(?:\/\/.*)?\}/,
    "a test that does nothing cannot fail",
  );

/**
 * A sleep is too short on a busy machine and too long on an idle one.
 * @param reasons why a file may sleep, by its path. A reason that is no longer needed is a fault, too
 */
export function testsDoNotSleep(sources: Sources, reasons: Readonly<Record<string, string>>): readonly string[] {
  const sleeps =
    /\bBun\.sleep(?:Sync)?\(|\bsystemClock\.sleep\(|"(?:node:)?timers\/promises"|=>\s*(?:void )?setTimeout\(/;
  const tests = testsOf(sources, helpers.waiting);
  const faults = linesWith(tests, sleeps, "wait for the event, or with until() of tests/waiting.ts");
  const sleeping = new Set(faults.map((it) => it.slice(0, it.indexOf(":"))));
  return [
    ...faults.filter((it) => reasons[it.slice(0, it.indexOf(":"))] === undefined),
    ...Object.keys(reasons)
      .filter((path) => !sleeping.has(path))
      .map((path) => `${path} does not sleep (any more): remove its reason`),
  ];
}

/** FANFARE_SEED must replay every random choice. */
export const testsAreReplayed: Rule = (sources) => [
  ...linesWith(testsOf(sources, helpers.random), /\bMath\.random\b/, "draw from makeRandom() of tests/seed.ts"),
  ...linesWith(testsOf(sources, helpers.fastCheck), /from "fast-check"/, "import fc from tests/property.ts"),
];

function testsOf(sources: Sources, allowed: readonly string[]): Sources {
  // The tests of the rules contain faults on purpose.
  const others = [...sources].filter(([path]) => isTest(path) && !path.startsWith("tests/architecture"));
  return new Map(others.filter(([path]) => !allowed.includes(path)));
}

function linesWith(sources: Sources, pattern: RegExp, advice: string): readonly string[] {
  return [...sources].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${advice}`] : [])),
  );
}
