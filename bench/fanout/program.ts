/** How a client is spoken to: one JSON object per frame, a JSON array per flush, or a stream of events. */
export type ClientKind = "plain" | "v1" | "sse";

/** Something that is measured: a server with one kind of clients. */
export interface Program {
  readonly name: string;
  readonly clients: ClientKind;
  /** Arguments to Bun that start its server. */
  command(port: number): readonly string[];
}

/** What all others are compared with. */
export const bare: Program = {
  name: "bare",
  clients: "plain",
  command: (port) => ["bench/bare.ts", "--port", String(port)],
};

/**
 * @param workers Of a supervisor; 0 for one process without.
 * @param more Options handed on to the server, such as `--flush-window 0`.
 */
export function fanfare(clients: ClientKind, workers: number, more: readonly string[]): Program {
  // All connections come from one address; notices and the periodic message would be counted as deliveries.
  const options = ["--notification-interval", "0", "--notices", "off", "--max-connections-per-ip", "20000"];
  const processes = workers === 0 ? [] : ["--workers", String(workers)];
  return {
    name: `fanfare ${clients}${workers === 0 ? "" : `, ${workers} worker(s)`}`,
    clients,
    command: (port) => ["server/main.ts", "start", "--port", String(port), ...options, ...processes, ...more],
  };
}
