import { parseArgs } from "node:util";

/** The options of `bench ipc` and `bench redis`. */
export interface BrokerBenchOptions {
  /** The number of workers that only listen, in addition to the one that publishes and listens. */
  readonly listeners: number;
  /** The length of a message's text in characters. */
  readonly messageLength: number;
  /** Publications in flight while throughput is measured. */
  readonly inFlight: number;
  /** Publications per second while latency is measured. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly asJson: boolean;
}

/** @param bench the name of the bench */
export const usageOf = (bench: string): string => `npm run bench -- ${bench} [options]
  --listeners N    workers that only listen, 0 to 16 (0)
  --size N         characters of a message (100)
  --in-flight N    publications in flight, for throughput (256)
  --rate N         publications per second, for latency (1000)
  --seconds N      how long each measurement lasts (2)
  --rounds N       how often the brokers take turns; medians are shown (3)
  --json           print the results as JSON`;

/** @throws Error for an option that is unknown or out of range */
export function parseBrokerBenchOptions(argv: readonly string[]): BrokerBenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      listeners: { type: "string", default: "0" },
      size: { type: "string", default: "100" },
      "in-flight": { type: "string", default: "256" },
      rate: { type: "string", default: "1000" },
      seconds: { type: "string", default: "2" },
      rounds: { type: "string", default: "3" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    listeners: between("listeners", values.listeners, 0, 16),
    messageLength: between("size", values.size, 30, 1_000_000),
    inFlight: between("in-flight", values["in-flight"], 1, 100_000),
    perSecond: between("rate", values.rate, 1, 100_000),
    seconds: between("seconds", values.seconds, 1, 60),
    rounds: between("rounds", values.rounds, 1, 99),
    asJson: values.json,
  };
}

function between(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${option}: expected a whole number from ${min} to ${max}, got "${text}"`);
}
