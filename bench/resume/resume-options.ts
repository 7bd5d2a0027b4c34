import { parseArgs } from "node:util";

/** The options of the bench. */
export interface ResumeOptions {
  readonly clients: number;
  /** Messages that each client has missed. */
  readonly missed: number;
  /** Channels that the clients are spread over. */
  readonly channels: number;
  readonly rounds: number;
  readonly workers: number;
  /** Seconds for which no client is connected. */
  readonly pause: number;
}

export const usage = `npm run bench -- resume [options]
  --clients N      clients that resume at once (10000)
  --missed N       messages that each of them has missed (200)
  --channels N     channels that the clients are spread over (100)
  --workers N      workers, 0 for one process (0)
  --pause N        seconds without clients; beyond 10, they resume from the history instead of recent messages (0)
  --rounds N       how often it is measured; medians are shown (3)`;

/** @throws Error for an option that is unknown or out of range */
export function parseResumeOptions(argv: readonly string[]): ResumeOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      clients: { type: "string", default: "10000" },
      missed: { type: "string", default: "200" },
      channels: { type: "string", default: "100" },
      workers: { type: "string", default: "0" },
      pause: { type: "string", default: "0" },
      rounds: { type: "string", default: "3" },
    },
  });
  return {
    clients: between("clients", values.clients, 1, 15_000),
    missed: between("missed", values.missed, 1, 1000),
    channels: between("channels", values.channels, 1, 1000),
    workers: between("workers", values.workers, 0, 16),
    pause: between("pause", values.pause, 0, 60),
    rounds: between("rounds", values.rounds, 1, 99),
  };
}

function between(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${option}: expected a whole number from ${min} to ${max}, got "${text}"`);
}
