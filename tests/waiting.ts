/** Many times what is needed, so that a test fails only if what it waits for never happens, however busy the machine is. */
export const defaultTimeoutMs = 120_000;
const pollMs = 10;

/**
 * Polls until the condition is met. For things without an event, such as a file or the state of another process.
 * @param what completes "timed out waiting until …"
 * @throws Error on timeout, even if one call of `isMet` takes that long
 */
export async function until(
  isMet: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = defaultTimeoutMs,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), timeoutMs);
  try {
    while (!(await Promise.race([isMet(), late.promise]))) {
      if (performance.now() >= giveUpAt) throw new Error(`timed out waiting until ${what}`);
      await Bun.sleep(pollMs);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Repeats an expectation until it is met. @throws the last failure of `expectation` */
export async function eventually(expectation: () => void | Promise<void>, timeoutMs = defaultTimeoutMs): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await expectation();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
    await Bun.sleep(pollMs);
  }
}

/** Waits for one turn of the event loop, in which everything that is ready runs. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Whether a process exists, stopped or not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
