import { parseArgs } from "node:util";
import { type Flood, floods } from "../tests/e2e/floods.ts";
import { apiKey, type Health, jwtSecret, useNormally } from "../tests/e2e/healthy-users.ts";
import { type ServerUnderTest, startServer } from "../tests/e2e/server.ts";
import { readOptions } from "./fanout/read-options.ts";
import { percentilesOf } from "./fanout/statistics.ts";
import type { FloodProgress, FloodRequest } from "./floods/flooder.ts";

const usage = `npm run bench -- floods [options]
  --rounds N   healthy users per flood, one after the other (100)`;

/**
 * Measures what other users notice while one user floods the server with everything that its token allows: how long pushes
 * to them take, and how often they fail. Once with the default settings, and once with settings that let the flood reach
 * its limit: mostly without rates, so that only the shares protect the others.
 */
async function main(): Promise<number> {
  const rounds = readOptions(parseRounds, usage);
  const quiet = await measure(rounds, defaults);
  const rows = [`| none | ${cellsOf(quiet)} | | |`];
  let failures = quiet.failures.length;
  for (const flood of floods) {
    console.error(flood.name);
    const usual = await measure(rounds, defaults, { flood, from: "begun" });
    const extreme = await measure(rounds, flood.env, { flood, from: "met" });
    failures += usual.failures.length + extreme.failures.length;
    for (const failure of [...usual.failures, ...extreme.failures]) console.error(`  ${failure}`);
    rows.push(`| ${flood.name} | ${cellsOf(usual)} | ${cellsOf(extreme)} |`);
  }
  const head =
    "| flood of one user | default settings: p50 / p99, ms | failures | at its limit: p50 / p99, ms | failures |";
  console.log([head, "| --- | ---: | ---: | ---: | ---: |", ...rows].join("\n"));
  return failures === 0 ? 0 : 1;
}

const defaults = { API_KEY: apiKey, JWT_SECRET: jwtSecret };

/** @param during the flood, and the step after which the measurement starts */
async function measure(
  rounds: number,
  env: Readonly<Record<string, string>>,
  during?: { readonly flood: Flood; readonly from: FloodProgress },
): Promise<Health> {
  await using server = await startServer({ env });
  const flooder = during && (await startFlood(during, server));
  const health = await useNormally(server, rounds);
  flooder?.terminate();
  return health;
}

function startFlood(
  { flood: { name }, from }: { readonly flood: Flood; readonly from: FloodProgress },
  { url }: ServerUnderTest,
): Promise<Worker> {
  const flooder = new Worker(new URL("./floods/flooder.ts", import.meta.url));
  const { promise, resolve, reject } = Promise.withResolvers<Worker>();
  flooder.onmessage = ({ data }: MessageEvent<FloodProgress>) => {
    if (data === from) resolve(flooder);
  };
  flooder.onerror = ({ message }) => reject(new Error(message));
  flooder.postMessage({ name, url } satisfies FloodRequest);
  return promise;
}

function cellsOf({ delays, failures }: Health): string {
  const { p50 = Number.NaN, p99 = Number.NaN } = percentilesOf(delays) ?? {};
  return `${p50.toFixed(1)} / ${p99.toFixed(1)} | ${failures.length}`;
}

function parseRounds(argv: readonly string[]): number {
  const { values } = parseArgs({ args: [...argv], options: { rounds: { type: "string", default: "100" } } });
  const rounds = Number(values.rounds);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= 10_000) return rounds;
  throw new Error(`--rounds: expected a whole number from 1 to 10000, got "${values.rounds}"`);
}

process.exitCode = await main();
