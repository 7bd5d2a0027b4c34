const pollMs = 20;
const timeoutMs = 20_000;

/**
 * Polls until the condition is met.
 *
 * @param {() => Promise<boolean>} isMet
 * @param {string} what completes "timed out waiting until …"
 * @param {Promise<never>} failed rejects to stop waiting
 */
export async function until(isMet, what, failed) {
  const giveUpAt = performance.now() + timeoutMs;
  let isOver = false;
  const look = async () => {
    while (!isOver && !(await isMet())) {
      if (performance.now() > giveUpAt) throw new Error(`timed out waiting until ${what}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  };
  await Promise.race([look(), failed]).finally(() => {
    isOver = true;
  });
}
