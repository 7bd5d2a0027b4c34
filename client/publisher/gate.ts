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
      // The place is handed over, so that nobody who comes later takes it.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
