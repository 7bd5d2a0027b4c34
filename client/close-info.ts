/** How a connection, or an attempt to open one, ended. */
export interface CloseInfo {
  /** A close code of the protocol; 1006 if the connection broke or could not be opened. */
  readonly code: number;
  readonly reason: string;
  /** The minimum delay before reconnecting, in milliseconds, if the server sent one. */
  readonly retryAfterMs?: number | undefined;
}
