/** How a connection, or a try to get one, ended. */
export interface Goodbye {
  /** A close code of the protocol; 1006 for one that broke or never came to be. */
  readonly code: number;
  readonly reason: string;
  /** The earliest moment to come back, milliseconds from now, where the server said one. */
  readonly retryAfterMs?: number | undefined;
}
