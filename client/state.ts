/** The state of a client's connection. */
export interface ConnectionState {
  /**
   * - `connecting`: the first try is under way, or the first after `connect()`.
   * - `connected`: the server has sent its welcome.
   * - `reconnecting`: the connection is lost, and the client is opening another one.
   * - `offline`: like `reconnecting`, while the runtime reports that there is no network. Retries at once when it is back.
   * - `closed`: by `close()` (1000), or by a server that rejects this client. `connect()` starts again.
   */
  readonly status: "connecting" | "connected" | "reconnecting" | "offline" | "closed";
  /** The close code of the last connection or try; 1006 if it broke or could not be opened; otherwise 0. */
  readonly code: number;
  readonly reason: string;
  /** While `reconnecting`: Unix time in milliseconds; undefined once the try is under way. */
  readonly nextTryAt: number | undefined;
}
