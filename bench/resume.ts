import { readUsage } from "./fanout/process-usage.ts";
import { fanfare } from "./fanout/program.ts";
import { readOptions } from "./fanout/read-options.ts";
import { ServerProcess } from "./fanout/server-process.ts";
import { medianOf, percentilesOf } from "./fanout/statistics.ts";
import { parseResumeOptions, type ResumeOptions, usage } from "./resume/resume-options.ts";
import { publishEverywhere } from "./storm/publish-everywhere.ts";
import { ResumingClient } from "./storm/resuming-client.ts";

const connectedAtOnce = 200;

interface Result {
  /** CPU time of the server per client, from its handshake to the last message that it missed, microseconds. */
  readonly cpuUsPerClient: number;
  /** The part of it that a connection costs without anything to resume. */
  readonly cpuUsPerConnection: number;
  readonly seconds: number;
  readonly p99Ms: number;
  /** Failed handshakes, incomplete resumes, lost and duplicated messages. */
  readonly faults: number;
}

/** Measures the cost of thousands of clients that reconnect at once, all of which missed the same messages. */
async function main(): Promise<number> {
  const options = readOptions(parseResumeOptions, usage);
  const results: Result[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    console.error(`round ${round} of ${options.rounds}`);
    results.push(await measure(options));
  }
  console.log(tableOf(results, options));
  return results.some(({ faults }) => faults > 0) ? 1 : 0;
}

async function measure({ clients: count, missed, channels, workers, pause }: ResumeOptions): Promise<Result> {
  // All clients have one address here, and connect twice.
  const flags = ["--max-connections", "20000", "--handshake-rate", "0", "--history-size", String(missed + 1)];
  const server = await ServerProcess.start(fanfare("plain", workers, flags));
  try {
    const url = `ws://127.0.0.1:${server.port}/ws`;
    const clients = Array.from({ length: count }, (_, n) => new ResumingClient(url, `room:${n % channels}`));
    const idle = readUsage(server.pid).cpuUs;
    for (let from = 0; from < count; from += connectedAtOnce) {
      await Promise.all(clients.slice(from, from + connectedAtOnce).map((it) => it.connect()));
    }
    const cpuUsPerConnection = (readUsage(server.pid).cpuUs - idle) / count;
    await publishEverywhere(server.port, channels, 1);
    await Promise.all(clients.map((it) => it.untilOffset(1)));
    for (const client of clients) client.drop();
    await publishEverywhere(server.port, channels, missed);
    await Bun.sleep(pause * 1000);
    const [before, begin] = [readUsage(server.pid).cpuUs, performance.now()];
    const times = await Promise.all(
      clients.map(async (client) => {
        await client.connect();
        await client.untilOffset(missed + 1);
        return performance.now() - begin;
      }),
    );
    const seconds = (performance.now() - begin) / 1000;
    const cpuUsPerClient = (readUsage(server.pid).cpuUs - before) / count;
    for (const client of clients) client.drop();
    const faults = clients.reduce((sum, it) => sum + it.errors + it.faults, 0);
    return { cpuUsPerClient, cpuUsPerConnection, seconds, p99Ms: percentilesOf(times)?.p99 ?? 0, faults };
  } finally {
    await server.close();
  }
}

function tableOf(results: readonly Result[], options: ResumeOptions): string {
  const { clients, missed, channels, workers, pause, rounds } = options;
  const median = (of: (result: Result) => number) => medianOf(results.map(of));
  const us = median((it) => it.cpuUsPerClient);
  return [
    `${clients} clients in ${channels} channels resume ${missed} messages each after ${pause} s, ${workers} workers, median of ${rounds} rounds`,
    "",
    "| | |",
    "| --- | ---: |",
    `| CPU µs per resumed client | ${us.toFixed(0)} |`,
    `| CPU µs per client that connects and resumes nothing | ${median((it) => it.cpuUsPerConnection).toFixed(0)} |`,
    `| CPU µs per resumed message | ${(us / missed).toFixed(2)} |`,
    `| all clients caught up after, s | ${median((it) => it.seconds).toFixed(1)} |`,
    `| time until a client has caught up, p99, ms | ${median((it) => it.p99Ms).toFixed(0)} |`,
    `| errors, lost and duplicated messages | ${results.reduce((sum, it) => sum + it.faults, 0)} |`,
  ].join("\n");
}

process.exitCode = await main();
