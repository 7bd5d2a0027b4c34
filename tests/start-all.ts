/** Waits for several starts at once. If one fails, everything that was started is closed before the error is thrown. */
export async function startAll<T extends AsyncDisposable>(starting: readonly Promise<T>[]): Promise<readonly T[]> {
  const results = await Promise.allSettled(starting);
  const started = results.flatMap((it) => (it.status === "fulfilled" ? [it.value] : []));
  const failed = results.find((it) => it.status === "rejected");
  if (failed === undefined) return started;
  for (const it of started) await it[Symbol.asyncDispose]();
  throw failed.reason;
}
