import { parseArgs } from "node:util";
import { against, againstUsage, type Program } from "../fanout/program.ts";

/** The options of the bench. */
export interface DirectOptions {
  /** The number of connected users, with one connection each. */
  readonly users: number;
  /** Pushes per second; 0 for as many as possible. */
  readonly perSecond: number;
  /** The number of keep-alive connections that push. If there are workers, several connections spread over them. */
  readonly connections: number;
  /** Pushes in one request; 1 for single pushes. */
  readonly batch: number;
  readonly seconds: number;
  /** Seconds of pushes before the first round. Many workers need more, because each compiles the code for itself. */
  readonly warmUpSeconds: number;
  readonly rounds: number;
  /** Whether pushes go to users that are not connected. */
  readonly isOffline: boolean;
  /** Numbers of workers to measure; 0 is one process without a supervisor. */
  readonly workers: readonly number[];
  /** Another server to measure. */
  readonly against: Program | undefined;
}

export const usage = `npm run bench -- direct [options]
  --users N        connected users (1000)
  --rate N         pushes per second; 0: as many as possible (5000)
  --connections N  keep-alive connections that push (32)
  --batch N        pushes in one request (1)
  --offline        push to users that are not connected
  --workers LIST   numbers of workers, 0 for one process (0)
  --warm-up N      seconds of pushes before the first round (6)
  --seconds N      how long each measurement lasts (3)
  --rounds N       how often the programs take turns; medians are shown (7)
${againstUsage}`;

/** @throws Error for an option that is unknown or out of range */
export function parseDirectOptions(argv: readonly string[]): DirectOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      users: { type: "string", default: "1000" },
      rate: { type: "string", default: "5000" },
      connections: { type: "string", default: "32" },
      batch: { type: "string", default: "1" },
      offline: { type: "boolean", default: false },
      workers: { type: "string", default: "0" },
      seconds: { type: "string", default: "3" },
      "warm-up": { type: "string", default: "6" },
      rounds: { type: "string", default: "7" },
      against: { type: "string" },
      driver: { type: "string" },
    },
  });
  return {
    users: between("users", values.users, 1, 15_000),
    perSecond: between("rate", values.rate, 0, 100_000),
    connections: between("connections", values.connections, 1, 1000),
    batch: between("batch", values.batch, 1, 1000),
    isOffline: values.offline,
    workers: values.workers.split(",").map((it) => between("workers", it, 0, 16)),
    warmUpSeconds: between("warm-up", values["warm-up"], 1, 60),
    seconds: between("seconds", values.seconds, 1, 60),
    rounds: between("rounds", values.rounds, 1, 99),
    against: values.against === undefined ? undefined : against(values.against, values.driver),
  };
}

function between(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${option}: expected a whole number from ${min} to ${max}, got "${text}"`);
}
