import { drivers } from "../drivers/driver.ts";

/** The wire form of a client: one JSON object per frame, a JSON array per flush, or an event stream. */
export type ClientKind = "plain" | "v1" | "sse";

/** A server with one kind of clients, to be measured. */
export interface Program {
  readonly name: string;
  readonly clients: ClientKind;
  /** The path of its driver. */
  readonly driver: string;
  /** The arguments of Bun that start the server. */
  command(port: number): readonly string[];
  /** Whether `command` is a command line for the shell instead. */
  readonly isShellCommand?: boolean;
}

/**
 * Any other server.
 * @param commandLine with `{port}` where the port belongs
 * @throws Error if it names no port
 */
export function against(commandLine: string, driver: string | undefined): Program {
  if (!commandLine.includes("{port}")) throw new Error("--against: expected a command line that contains {port}");
  if (driver === undefined) throw new Error("--against: expected --driver too, the file that says how to speak to it");
  return {
    name: commandLine.split(" ", 1)[0]?.split("/").at(-1) ?? "",
    clients: "plain",
    driver,
    command: (port) => ["exec", ...commandLine.replaceAll("{port}", String(port)).split(" ")],
    isShellCommand: true,
  };
}

/** The options for `against`, for the help of a bench. */
export const againstUsage = `  --against LINE   also measure another server: the command line that starts it, with {port} in it
  --driver FILE    how to subscribe and publish there, see docs/bench.md`;

/** The baseline. */
export const bare: Program = {
  name: "bare",
  clients: "plain",
  driver: drivers.bare,
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
    driver: drivers.fanfare,
    command: (port) => ["server/main.ts", "start", "--port", String(port), ...options, ...processes, ...more],
  };
}
