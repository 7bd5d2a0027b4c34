import { join } from "node:path";
import { Relay } from "../e2e/relay.ts";
import type { ServerUnderTest } from "../e2e/server.ts";
import { makeRandom, replayCommand } from "../seed.ts";
import { until } from "../waiting.ts";
import { ClientRecord, type Retention } from "./client-record.ts";
import type { ClientOptions, FaultClient } from "./fault-client.ts";
import { Ledger } from "./ledger.ts";
import { httpSender, Publisher, sdkSender } from "./publisher.ts";
import { RoughNetwork } from "./rough-network.ts";
import { SdkClient } from "./sdk-client.ts";
import { SocketClient } from "./socket-client.ts";
import { StreamClient } from "./stream-client.ts";

/** The folder with the settings that give `brief:` channels a short history. */
export const settingsFolder = join(import.meta.dir, "settings");
/**
 * The settings of every server in these tests. The workers' own copies of the history are so short that history must be
 * read from the broker.
 */
export const faultEnv = { NOTICES: "off", MESSAGE_RATE: "0", HISTORY_BYTES: "16KiB" };
const briefSize = 5;
const rooms = ["room:0", "room:1", "room:2", "room:3", "room:4"];
const briefs = ["brief:0", "brief:1"];
/** How long the last messages may take to reach all clients after the network works again. */
const usualSettleMs = 45_000;
/** How long a run may take until it has contained what it is about. */
const longestMs = 120_000;
const pollMs = 50;
const usualLifeMs = 6000;

/** The plan of a run. */
export interface FaultPlan {
  readonly name: string;
  readonly server: ServerUnderTest;
  readonly clientsOfEachKind: number;
  readonly durationMs: number;
  /** Whether the run contained the faults that it is about. It continues until then, because a busy machine is slow. */
  readonly hasSeenEnough?: (counts: FaultCounts) => boolean;
  /** Causes other faults while clients and publishers are running. */
  readonly disturb?: () => Promise<void>;
  /** Off for a negative control. */
  readonly resumes?: boolean;
  /** Off for a negative control. */
  readonly retriesWithSameId?: boolean;
  /** The maximum lifetime of a connection, twice the average. */
  readonly lifeMs?: number;
  /** How long the last messages may take; short for a negative control, where some never arrive. */
  readonly settleMs?: number;
  /** Average pause between two messages of each of six publishers. */
  readonly pauseMs?: number;
}

/** The state of a run so far. */
export interface FaultCounts {
  readonly clients: number;
  readonly cuts: number;
  /** Cuts in the middle of a chunk of data. */
  readonly halved: number;
  readonly welcomes: number;
  readonly acknowledged: number;
  /** Publications that were retried after they were stored. */
  readonly duplicates: number;
  readonly deliveries: number;
  readonly gaps: number;
}

/** The result of a run. */
export interface FaultResult extends FaultCounts {
  readonly lost: number;
  readonly doubled: number;
  readonly faults: readonly string[];
}

/** The result of every run if the server has no bug. */
export const sound = { lost: 0, doubled: 0, faults: [] };

/** A duration for normal runs and for long runs, given in seconds. @returns milliseconds */
export function secondsOf(usual: number, long: number): number {
  return (isLong ? long : usual) * 1000;
}

/** FANFARE_LONG=1 asks for long runs. */
export const isLong = process.env.FANFARE_LONG === "1";

/** Runs a plan over an unreliable network, and prints the result. */
export async function runFaults(plan: FaultPlan): Promise<FaultResult> {
  console.log(`${plan.name}: replay with: ${replayCommand()}`);
  const network = new RoughNetwork(makeRandom(), plan.lifeMs ?? usualLifeMs);
  using relay = await Relay.to(plan.server.port, network.behaviour);
  using participants = new Participants(plan, relay.url, makeRandom(1));
  participants.start();
  await Promise.all([Bun.sleep(plan.durationMs), plan.disturb?.()]);
  const counts = () => ({ cuts: network.cuts, halved: network.halved, ...participants.counts() });
  const { hasSeenEnough = () => true } = plan;
  await until(() => hasSeenEnough(counts()), "the run has contained its faults", longestMs);
  network.isCalm = true;
  await participants.settle();
  const result = { ...participants.result(), ...counts() };
  console.log(`${plan.name}: ${JSON.stringify({ ...result, faults: result.faults.length })}`);
  return result;
}

/** All clients and publishers of one run. */
class Participants implements Disposable {
  readonly #plan: FaultPlan;
  readonly #ledger = new Ledger();
  readonly #clients: FaultClient[] = [];
  readonly #publishers: readonly Publisher[];

  constructor(plan: FaultPlan, url: string, random: () => number) {
    this.#plan = plan;
    const { retriesWithSameId = true } = plan;
    const senders = [
      ...Array.from({ length: 4 }, () => httpSender(url, retriesWithSameId, random)),
      sdkSender(url, "websocket"),
      sdkSender(url, "sse"),
    ];
    this.#publishers = senders.map((sender, at) => new Publisher(`p${at}`, sender, this.#ledger, random));
    for (let at = 0; at < plan.clientsOfEachKind; at++) this.#clients.push(...this.#oneOfEach(at, url, random));
  }

  start(): void {
    for (const client of this.#clients) client.start();
    for (const publisher of this.#publishers) publisher.start([...rooms, ...briefs], this.#plan.pauseMs ?? 80);
  }

  /** Waits until every client is connected and has received a last message in each channel, and everything before it. */
  async settle(): Promise<void> {
    await Promise.all(this.#publishers.map((it) => it.stop()));
    for (const client of this.#clients) client.retryNow();
    await this.#until(() => this.#clients.every(({ isConnected }) => isConnected));
    const [first] = this.#publishers;
    for (const channel of [...rooms, ...briefs]) await first?.say(channel);
    await this.#until(() =>
      this.#clients.every(({ channels, record }) => channels.every((channel) => record.isComplete(channel))),
    );
  }

  counts() {
    return {
      clients: this.#clients.length,
      welcomes: this.#sum(({ welcomes }) => welcomes),
      acknowledged: this.#ledger.acknowledged,
      duplicates: this.#publishers.reduce((all, it) => all + it.duplicates, 0),
      deliveries: this.#sum(({ record }) => record.deliveries),
      gaps: this.#sum(({ record }) => record.gaps),
    };
  }

  /** Checks the end of every channel. */
  result() {
    this.#ledger.checkEnd();
    for (const { channels, record } of this.#clients) record.checkEnd(channels);
    return {
      lost: this.#sum(({ record }) => record.lost),
      doubled: this.#sum(({ record }) => record.doubled) + this.#ledger.doubled,
      faults: this.#ledger.faults,
    };
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.stop();
    for (const publisher of this.#publishers) publisher[Symbol.dispose]();
  }

  #sum(count: (client: FaultClient) => number): number {
    return this.#clients.reduce((all, it) => all + count(it), 0);
  }

  #oneOfEach(at: number, url: string, random: () => number): readonly FaultClient[] {
    const retention: Retention = {
      historySize: (channel) => (briefs.includes(channel) ? briefSize : Number.POSITIVE_INFINITY),
      inFlight: this.#publishers.length,
    };
    const options = (name: string): ClientOptions => ({
      url,
      record: new ClientRecord(`${name} ${at}`, this.#ledger, retention),
      // Three rooms, so that clients differ, and one channel with a short history.
      channels: [...[at, at + 1, at + 3].map((it) => rooms[it % rooms.length] ?? ""), briefs[at % briefs.length] ?? ""],
      resumes: this.#plan.resumes ?? true,
      random,
    });
    return [
      new SocketClient(options("WebSocket"), at % 2 === 0 ? [] : ["fanfare.v1"]),
      new StreamClient(options("EventSource")),
      new SdkClient(options("SDK over WebSocket"), "websocket"),
      new SdkClient(options("SDK over SSE"), "sse"),
    ];
  }

  /** Also ends after a timeout: what is missing then counts as lost. */
  async #until(isTrue: () => boolean): Promise<void> {
    const until = performance.now() + (this.#plan.settleMs ?? usualSettleMs);
    while (!isTrue() && performance.now() < until) await Bun.sleep(pollMs);
  }
}
