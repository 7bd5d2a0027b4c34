import { readOptions } from "./fanout/read-options.ts";
import { type MemoryOptions, parseMemoryOptions, usage } from "./memory/memory-options.ts";
import { type MemoryRound, runMemoryRound } from "./memory/round.ts";

/** Measures a server's memory with a full history, for each interface and storage, and how much of it is released afterwards. */
async function main(): Promise<number> {
  const options = readOptions(parseMemoryOptions, usage);
  const rounds: MemoryRound[] = [];
  for (const storage of options.storages) {
    for (const connection of options.interfaces) {
      console.error(`${storage}, ${connection}`);
      rounds.push(await runMemoryRound(storage, connection, options));
    }
  }
  console.log(options.asJson ? JSON.stringify({ ...options, rounds }, null, 2) : tableOf(rounds, options));
  return 0;
}

function tableOf(
  rounds: readonly MemoryRound[],
  { boundBytes, times, ttlSeconds, restSeconds }: MemoryOptions,
): string {
  const mebibytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(0);
  const rows = rounds.map(({ storage, connection, publications, idle, most, after }) => {
    const factor = ((most - idle) / boundBytes).toFixed(2);
    return `| ${storage} | ${connection} | ${publications} | ${[idle, most].map(mebibytes).join(" | ")} | ${factor} | ${mebibytes(after)} |`;
  });
  return [
    `HISTORY_BYTES_TOTAL ${mebibytes(boundBytes)} MiB, published ${times} times over; after: ${restSeconds} s after HISTORY_TTL (${ttlSeconds} s); MiB resident`,
    "",
    "| storage | interface | publications | idle | most | (most - idle) : bound | after |",
    "|---|---|---:|---:|---:|---:|---:|",
    ...rows,
  ].join("\n");
}

process.exitCode = await main();
