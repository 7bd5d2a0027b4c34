import { relative } from "node:path";

const root = new URL("..", import.meta.url).pathname;

/** The seed of every random choice in a test run: FANFARE_SEED if it is set, otherwise a new number each time. */
export const seed = readSeed(process.env.FANFARE_SEED) ?? Math.floor(Math.random() * 2 ** 31);

/**
 * Numbers from 0 up to 1 that are the same for the same seed (a linear congruential generator: good enough for tests).
 * @param stream distinguishes several sequences of one test
 */
export function makeRandom(stream = 0): () => number {
  let state = (seed + Math.imul(stream, 2_654_435_761)) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The command that runs the current test file again with the same random choices. */
export function replayCommand(): string {
  return `FANFARE_SEED=${seed} npm test -- ${relative(root, Bun.main)}`;
}

/** Runs a test that makes random choices. @throws Error that says how to replay the failure */
export async function replayable(run: () => void | Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\nReplay: ${replayCommand()}`, { cause: error });
  }
}

/** @throws Error for a seed that is not a number, because a replay with a different seed would prove nothing */
export function readSeed(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 31) {
    throw new Error(`FANFARE_SEED: expected a whole number from 0 to ${2 ** 31 - 1}, got "${text}"`);
  }
  return Number(text);
}
