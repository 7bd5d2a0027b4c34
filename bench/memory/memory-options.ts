import { parseArgs } from "node:util";
import { type InterfaceName, interfaces } from "./interfaces.ts";
import { type StorageName, storages } from "./storages.ts";

/** The options of the bench. */
export interface MemoryOptions {
  /** HISTORY_BYTES_TOTAL. */
  readonly boundBytes: number;
  /** HISTORY_TTL. */
  readonly ttlSeconds: number;
  /** How many times the bound is published, in bytes as the server counts them. */
  readonly times: number;
  /** How long after HISTORY_TTL the memory is measured again. */
  readonly restSeconds: number;
  readonly interfaces: readonly InterfaceName[];
  readonly storages: readonly StorageName[];
  readonly asJson: boolean;
}

export const usage = `npm run bench -- memory [options]
  --bound N         HISTORY_BYTES_TOTAL, MiB (64)
  --times N         how many times the bound is published (3)
  --ttl N           HISTORY_TTL, seconds: longer than publishing takes (60)
  --rest N          how long after that the memory is measured again, seconds (15)
  --interfaces A,B  of ${Object.keys(interfaces).join(", ")} (all)
  --storages A,B    of ${Object.keys(storages).join(", ")} (all)
  --json            print the results as JSON`;

/** @throws Error for an option that is unknown or out of range */
export function parseMemoryOptions(argv: readonly string[]): MemoryOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      bound: { type: "string", default: "64" },
      times: { type: "string", default: "3" },
      ttl: { type: "string", default: "60" },
      rest: { type: "string", default: "15" },
      interfaces: { type: "string", default: Object.keys(interfaces).join(",") },
      storages: { type: "string", default: Object.keys(storages).join(",") },
      json: { type: "boolean", default: false },
    },
  });
  return {
    boundBytes: between("bound", values.bound, 1, 4096) * 1024 * 1024,
    times: between("times", values.times, 1, 100),
    ttlSeconds: between("ttl", values.ttl, 1, 3600),
    restSeconds: between("rest", values.rest, 1, 3600),
    interfaces: someOf("interfaces", values.interfaces, interfaces),
    storages: someOf("storages", values.storages, storages),
    asJson: values.json,
  };
}

function between(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${option}: expected a whole number from ${min} to ${max}, got "${text}"`);
}

function someOf<Name extends string>(option: string, text: string, known: Readonly<Record<Name, unknown>>): Name[] {
  const names = Object.keys(known) as Name[];
  return text.split(",").map((word) => {
    const name = names.find((it) => it === word);
    if (name === undefined) throw new Error(`--${option}: expected some of ${names.join(", ")}, got "${word}"`);
    return name;
  });
}
