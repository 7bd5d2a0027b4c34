/** How a connection, or a try to get one, ended. */
export interface Goodbye {
  /** A close code of the protocol; 1006 for one that broke or never came to be. */
  readonly code: number;
  readonly reason: string;
  /** The earliest moment to come back, milliseconds from now, where the server said one. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * Whether to stay away after this code: one's own frames would only break the next connection again, or the server does not
 * want this client. A test holds this rule against the table in protocol/close-codes.ts. With one exception: 1000 is for the
 * client to decide, and one that did not ask for the end comes back.
 */
export function isFinal(code: number): boolean {
  return code >= 4500 || [1002, 1003, 1007, 1009].includes(code);
}
