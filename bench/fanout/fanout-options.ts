import { parseArgs } from "node:util";
import { against, againstUsage, bare, type ClientKind, fanfare, type Program } from "./program.ts";

/** The options of the bench. */
export interface FanoutOptions {
  readonly programs: readonly Program[];
  readonly connections: number;
  /** Messages per second; 0 measures memory only. */
  readonly perSecond: number;
  /** The length of a message's text in characters. */
  readonly messageLength: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly asJson: boolean;
}

/** @param bench such as `fanout` */
export const usageOf = (bench: string) => `npm run bench -- ${bench} [options] [-- options of the server]
  --connections N  how many clients, 10 to 10000 (1000)
  --rate N         messages per second; 0: memory of idle connections only (100)
  --size N         characters of a message (100)
  --seconds N      how long each measurement lasts (5)
  --rounds N       how often the programs take turns; medians are shown (3)
  --clients LIST   some of plain, v1, sse, none: Fanfare's clients to measure (plain)
  --workers LIST   how many workers Fanfare has, 0 for one process without a supervisor (0)
  --bare off       do not measure the bare program
${againstUsage}
  --json           print the results as JSON`;

/** @throws Error for an option that is unknown or out of range */
export function parseFanoutOptions(argv: readonly string[]): FanoutOptions {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      connections: { type: "string", default: "1000" },
      rate: { type: "string", default: "100" },
      size: { type: "string", default: "100" },
      seconds: { type: "string", default: "5" },
      rounds: { type: "string", default: "3" },
      clients: { type: "string", default: "plain" },
      bare: { type: "string", default: "on" },
      against: { type: "string" },
      driver: { type: "string" },
      workers: { type: "string", default: "0" },
      json: { type: "boolean", default: false },
    },
  });
  const workers = values.workers.split(",").map((text) => between("workers", text, 0, 99));
  const kinds = values.clients.split(",").filter((kind) => kind !== "none");
  return {
    programs: [
      ...(values.bare === "off" ? [] : [bare]),
      ...(values.against === undefined ? [] : [against(values.against, values.driver)]),
      ...kinds.flatMap((kind) => workers.map((count) => fanfare(parseKind(kind), count, positionals))),
    ],
    connections: between("connections", values.connections, 10, 10_000),
    perSecond: between("rate", values.rate, 0, 100_000),
    messageLength: between("size", values.size, 20, 60_000),
    seconds: between("seconds", values.seconds, 1, 600),
    rounds: between("rounds", values.rounds, 1, 99),
    asJson: values.json,
  };
}

function parseKind(kind: string): ClientKind {
  if (kind === "plain" || kind === "v1" || kind === "sse") return kind;
  throw new Error(`--clients: expected plain, v1, sse or none, got "${kind}"`);
}

function between(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${option}: expected a whole number from ${min} to ${max}, got "${text}"`);
}
