const lookMs = 20;
const patienceMs = 20_000;

/**
 * Looks again and again until it is so.
 *
 * @param {() => Promise<boolean>} isSo
 * @param {string} what completes "timed out waiting until …"
 * @param {Promise<never>} failed ends the waiting
 */
export async function until(isSo, what, failed) {
  const giveUpAt = performance.now() + patienceMs;
  let isOver = false;
  const look = async () => {
    while (!isOver && !(await isSo())) {
      if (performance.now() > giveUpAt) throw new Error(`timed out waiting until ${what}`);
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  };
  await Promise.race([look(), failed]).finally(() => {
    isOver = true;
  });
}
