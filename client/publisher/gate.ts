/** Runs at most `width` tasks at a time. The others wait, in the order of the calls. */
export function makeGate(width: number): <Result>(task: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= width) await new Promise<void>((resolve) => void waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      // Handed over to the next task in line, so that a later call cannot take its place.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
