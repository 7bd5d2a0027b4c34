/**
 * Resources that the tests of one file share. They are closed after the tests, in reverse order, even if something else
 * fails to start, or takes longer than its hook may.
 *
 *     const shared = new Shared();
 *     beforeAll(async () => {
 *       server = await shared.use(startServer());
 *     });
 *     afterAll(() => shared.close());
 */
export class Shared {
  readonly #closers: (() => unknown)[] = [];

  /** Waits for a start. */
  use<T extends AsyncDisposable>(starting: Promise<T>): Promise<T> {
    const close = (it: T) => it[Symbol.asyncDispose]();
    const forget = () => undefined; // The hook reports the failure.
    const started = starting.then(
      (it) => () => close(it),
      () => forget,
    );
    this.#closers.push(async () => (await started)());
    return starting;
  }

  defer(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** Waits for starts that are still running, and closes what was started. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) await close();
  }
}
