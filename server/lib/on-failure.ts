/** Runs something that may fail at once or later, and reports the error before the caller receives it. */
export function onFailure<T>(run: () => T | Promise<T>, report: (error: unknown) => void): T | Promise<T> {
  const failed = (error: unknown): never => {
    report(error);
    throw error;
  };
  try {
    const result = run();
    return result instanceof Promise ? result.catch(failed) : result;
  } catch (error) {
    return failed(error);
  }
}
