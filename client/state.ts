/** How a client stands to its server. */
export interface ConnectionState {
  /**
   * - `connecting`: the first try is under way, or the first after `connect()`.
   * - `connected`: welcomed.
   * - `reconnecting`: the connection is lost, and another one is coming.
   * - `offline`: the runtime says that there is no network; the next try comes when it is back.
   * - `closed`: ended for good, by `close()` (1000) or by a server that wants no more of this client. `connect()` begins anew.
   */
  readonly status: "connecting" | "connected" | "reconnecting" | "offline" | "closed";
  /** How the last connection, or the last try, ended: a close code, 1006 for one that broke or never came to be. Else 0. */
  readonly code: number;
  readonly reason: string;
  /** While `reconnecting`: Unix time in milliseconds; undefined once the try is under way. */
  readonly nextTryAt: number | undefined;
}
