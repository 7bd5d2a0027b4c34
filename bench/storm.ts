import { parseArgs } from "node:util";
import { RedisServer } from "../tests/redis/redis.ts";
import { fanfare } from "./fanout/program.ts";
import { readOptions } from "./fanout/read-options.ts";
import { ServerProcess } from "./fanout/server-process.ts";
import { percentilesOf } from "./fanout/statistics.ts";
import { publishEverywhere } from "./storm/publish-everywhere.ts";
import { ResumingClient } from "./storm/resuming-client.ts";

const usage = `npm run bench -- storm [options]
  --clients N      clients that reconnect at once, spread over two nodes on one Redis (10000)
  --missed N       messages that each of them has missed (20)
  --channels N     channels that the clients are spread over (100)`;

/** @throws Error for an option that is unknown or not a whole number */
function parseStormOptions(argv: readonly string[]) {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      clients: { type: "string", default: "10000" },
      missed: { type: "string", default: "20" },
      channels: { type: "string", default: "100" },
    },
  });
  const whole = (name: keyof typeof values) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new Error(`--${name}: expected a whole number from 1, got "${values[name]}"`);
  };
  return { clients: whole("clients"), missed: whole("missed"), channels: whole("channels") };
}

/** Timeout of a storm, milliseconds. */
const timeoutMs = 120_000;
const connectedAtOnce = 200;

/** Thousands of clients lose their connections at once, reconnect at once, and resume where they left off. */
async function main(): Promise<number> {
  const { clients: count, missed, channels } = readOptions(parseStormOptions, usage);
  await using redis = await RedisServer.start();
  const flags = ["--redis-url", redis.url, "--max-connections", "20000"];
  const nodes = [
    await ServerProcess.start(fanfare("plain", 0, flags)),
    await ServerProcess.start(fanfare("plain", 0, flags)),
  ];
  try {
    const clients = Array.from({ length: count }, (_, n) => {
      const port = nodes[n % nodes.length]?.port ?? 0;
      return new ResumingClient(`ws://127.0.0.1:${port}/ws`, `room:${n % channels}`);
    });
    for (let from = 0; from < count; from += connectedAtOnce) {
      await Promise.all(clients.slice(from, from + connectedAtOnce).map((it) => it.connect()));
    }
    await publishEverywhere(nodes[0]?.port ?? 0, channels, 1);
    await within(Promise.all(clients.map((it) => it.untilOffset(1))));
    for (const client of clients) client.drop();
    await publishEverywhere(nodes[0]?.port ?? 0, channels, missed);
    const before = await commandsOf(redis);
    const begin = performance.now();
    const times = await within(Promise.all(clients.map((it) => catchUp(it, missed + 1, begin))));
    const seconds = (performance.now() - begin) / 1000;
    console.log(
      tableOf({ count, missed, channels, seconds, times, clients, commands: (await commandsOf(redis)) - before }),
    );
    for (const client of clients) client.drop();
    return clients.some(({ errors }) => errors > 0) ? 1 : 0;
  } finally {
    for (const node of nodes) await node.close();
  }
}

async function catchUp(client: ResumingClient, offset: number, begin: number): Promise<number> {
  await client.connect();
  await client.untilOffset(offset);
  return performance.now() - begin;
}

async function commandsOf(redis: RedisServer): Promise<number> {
  const stats = String(await redis.command("INFO", "commandstats"));
  const calls = (name: string) => Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
  return ["evalsha", "subscribe", "unsubscribe"].reduce((sum, name) => sum + calls(name), 0);
}

function within<T>(work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("the storm did not end in two minutes")), timeoutMs).unref();
  });
  return Promise.race([work, late]);
}

interface Storm {
  readonly count: number;
  readonly missed: number;
  readonly channels: number;
  readonly seconds: number;
  readonly times: readonly number[];
  readonly clients: readonly ResumingClient[];
  readonly commands: number;
}

function tableOf({ count, missed, channels, seconds, times, clients, commands }: Storm): string {
  const time = percentilesOf(times);
  const sum = (of: (client: ResumingClient) => number) => clients.reduce((all, it) => all + of(it), 0);
  return [
    `${count} clients over two nodes on one Redis, ${channels} channels, ${missed} missed messages each`,
    "",
    "| | |",
    "| --- | ---: |",
    `| all clients caught up after, s | ${seconds.toFixed(1)} |`,
    `| clients that caught up per second | ${(count / seconds).toFixed(0)} |`,
    `| time until a client has caught up, p50 / p99, ms | ${time?.p50.toFixed(0)} / ${time?.p99.toFixed(0)} |`,
    `| errors and incomplete resumes | ${sum((it) => it.errors)} |`,
    `| lost or duplicated messages | ${sum((it) => it.faults)} |`,
    `| Redis scripts and subscriptions per client | ${(commands / count).toFixed(3)} |`,
  ].join("\n");
}

process.exitCode = await main();
