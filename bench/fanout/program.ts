/** The wire form of a client: one JSON object per frame, a JSON array per flush, or an event stream. */
export type ClientKind = "plain" | "v1" | "sse";

/** A server with one kind of clients, to be measured. */
export interface Program {
  readonly name: string;
  readonly clients: ClientKind;
  /** The arguments of Bun that start the server. */
  command(port: number): readonly string[];
}

/** The baseline. */
export const bare: Program = {
  name: "bare",
  clients: "plain",
  command: (port) => ["bench/bare.ts", "--port", String(port)],
};

/**
 * @param workers the number of workers; 0 for a single process without a supervisor
 * @param more further options of the server, such as `--flush-window 0`
 */
export function fanfare(clients: ClientKind, workers: number, more: readonly string[]): Program {
  // All connections come from one address. Notices and the periodic message would count as deliveries.
  const options = ["--notification-interval", "0", "--notices", "off", "--max-connections-per-ip", "20000"];
  const processes = workers === 0 ? [] : ["--workers", String(workers)];
  return {
    name: `fanfare ${clients}${workers === 0 ? "" : `, ${workers} worker(s)`}`,
    clients,
    command: (port) => ["server/main.ts", "start", "--port", String(port), ...options, ...processes, ...more],
  };
}
