import { tmpdir } from "node:os";
import { parseArgs } from "node:util";

/** The options of the bench. */
export interface LogBenchOptions {
  /** The number of publishers. Each sends its next message when the last one is acknowledged. */
  readonly publishers: number;
  readonly channels: number;
  /** The length of a message's text in characters. */
  readonly size: number;
  readonly seconds: number;
  readonly rounds: number;
  /** The directory of the file, on the disk to be measured. */
  readonly directory: string;
  readonly asJson: boolean;
}

export const usage = `npm run bench -- log [options]
  --publishers N  how many messages are in flight at a time (200)
  --channels N    how many channels they go to (100)
  --size N        characters of a message (200)
  --seconds N     how long each measurement lasts (3)
  --rounds N      how often the two take turns; medians are shown (3)
  --directory D   where the file is made, on the disk to be measured (the system's directory for temporary files)
  --json          print the results as JSON`;

/** @throws Error for an option that is unknown or out of range */
export function parseLogBenchOptions(argv: readonly string[]): LogBenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      publishers: { type: "string", default: "200" },
      channels: { type: "string", default: "100" },
      size: { type: "string", default: "200" },
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "3" },
      directory: { type: "string", default: tmpdir() },
      json: { type: "boolean", default: false },
    },
  });
  return {
    publishers: between("publishers", values.publishers, 1, 100_000),
    channels: between("channels", values.channels, 1, 100_000),
    size: between("size", values.size, 1, 60_000),
    seconds: between("seconds", values.seconds, 1, 600),
    rounds: between("rounds", values.rounds, 1, 99),
    directory: values.directory,
    asJson: values.json,
  };
}

function between(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${option}: expected a whole number from ${min} to ${max}, got "${text}"`);
}
