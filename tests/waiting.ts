/** Generous: on a busy machine a test is late, and only one that waits for something that never comes is to fail. */
export const patienceMs = 45_000;
const lookMs = 10;

/**
 * Looks again and again until it is so: for what announces itself by no event, such as a file or the state of another
 * process.
 * @param what completes "timed out waiting until …"
 * @throws Error when it does not become so in time
 */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = patienceMs,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`timed out waiting until ${what}`);
    await Bun.sleep(lookMs);
  }
}

/** Asks again and again until the answer is what the test expects. @throws the last failure of `expectation` */
export async function eventually(expectation: () => void | Promise<void>, timeoutMs = patienceMs): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await expectation();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
    await Bun.sleep(lookMs);
  }
}

/** A turn of the event loop: what is ready has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Whether a process is there, stopped or not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
