import { join } from "node:path";
import { Relay } from "../e2e/relay.ts";
import type { ServerUnderTest } from "../e2e/server.ts";
import { makeRandom, replayCommand } from "../seed.ts";
import { ClientRecord, type Kept } from "./client-record.ts";
import type { ClientOptions, FaultClient } from "./fault-client.ts";
import { Ledger } from "./ledger.ts";
import { httpMouth, Publisher, sdkMouth } from "./publisher.ts";
import { RoughNetwork } from "./rough-line.ts";
import { SdkClient } from "./sdk-client.ts";
import { SocketClient } from "./socket-client.ts";
import { StreamClient } from "./stream-client.ts";

/** Where the settings stand that keep `brief:` channels short. */
export const settingsFolder = join(import.meta.dir, "settings");
/** The settings of every server in these tests. What a worker keeps by itself is so little that history is asked. */
export const faultEnv = { NOTICES: "off", MESSAGE_RATE: "0", HISTORY_BYTES: "16KiB" };
const briefSize = 5;
const rooms = ["room:0", "room:1", "room:2", "room:3", "room:4"];
const briefs = ["brief:0", "brief:1"];
/** How long the last messages may take to reach everybody over a network that is well again. */
const usualSettleMs = 45_000;
const lookMs = 50;
const usualLifeMs = 6000;

/** What happens in a run. */
export interface FaultPlan {
  readonly name: string;
  readonly server: ServerUnderTest;
  readonly clientsOfEachKind: number;
  readonly durationMs: number;
  /** What else breaks while clients and publishers are at it. */
  readonly disturb?: () => Promise<void>;
  /** Off for a negative control. */
  readonly resumes?: boolean;
  /** Off for a negative control. */
  readonly retriesWithSameId?: boolean;
  /** The longest that a line lives, twice the average. */
  readonly lifeMs?: number;
  /** How long the last messages may take; short for a negative control, in which some never come. */
  readonly settleMs?: number;
  /** Between two messages, on average, of each of six publishers. */
  readonly pauseMs?: number;
}

/** What came of it. */
export interface Figures {
  readonly clients: number;
  readonly cuts: number;
  /** Cuts in the middle of what was carried. */
  readonly halved: number;
  readonly welcomes: number;
  readonly acknowledged: number;
  /** Those that had to be said again after they were stored. */
  readonly duplicates: number;
  readonly deliveries: number;
  readonly lost: number;
  readonly doubled: number;
  readonly gaps: number;
  readonly faults: readonly string[];
}

/** What every run without a fault in the server ends with. */
export const sound = { lost: 0, doubled: 0, faults: [] };

/** So many seconds usually, and so many where there is time for more. */
export function secondsOf(usual: number, long: number): number {
  return (isLong ? long : usual) * 1000;
}

/** FANFARE_LONG is set where there is time for more. */
export const isLong = process.env.FANFARE_LONG === "1";

/** Plays a plan over a rough network, and prints what came of it. */
export async function runFaults(plan: FaultPlan): Promise<Figures> {
  console.log(`${plan.name}: to replay it: ${replayCommand()}`);
  const network = new RoughNetwork(makeRandom(), plan.lifeMs ?? usualLifeMs);
  using relay = await Relay.to(plan.server.port, network.line);
  using crowd = new Crowd(plan, relay.url, makeRandom(1));
  crowd.start();
  await Promise.all([Bun.sleep(plan.durationMs), plan.disturb?.()]);
  network.isCalm = true;
  await crowd.settle();
  const figures = { cuts: network.cuts, halved: network.halved, ...crowd.figures() };
  console.log(`${plan.name}: ${JSON.stringify({ ...figures, faults: figures.faults.length })}`);
  return figures;
}

/** All clients and publishers of one run. */
class Crowd implements Disposable {
  readonly #plan: FaultPlan;
  readonly #ledger = new Ledger();
  readonly #clients: FaultClient[] = [];
  readonly #publishers: readonly Publisher[];

  constructor(plan: FaultPlan, url: string, random: () => number) {
    this.#plan = plan;
    const { retriesWithSameId = true } = plan;
    const mouths = [
      ...Array.from({ length: 4 }, () => httpMouth(url, retriesWithSameId, random)),
      sdkMouth(url, "websocket"),
      sdkMouth(url, "sse"),
    ];
    this.#publishers = mouths.map((mouth, at) => new Publisher(`p${at}`, mouth, this.#ledger, random));
    for (let at = 0; at < plan.clientsOfEachKind; at++) this.#clients.push(...this.#oneOfEach(at, url, random));
  }

  start(): void {
    for (const client of this.#clients) client.start();
    for (const publisher of this.#publishers) publisher.start([...rooms, ...briefs], this.#plan.pauseMs ?? 80);
  }

  /** Everybody is connected, hears a last word in each channel, and with it all that came before it. */
  async settle(): Promise<void> {
    await Promise.all(this.#publishers.map((it) => it.stop()));
    for (const client of this.#clients) client.hurry();
    await this.#until(() => this.#clients.every(({ isConnected }) => isConnected));
    const [first] = this.#publishers;
    for (const channel of [...rooms, ...briefs]) await first?.say(channel);
    await this.#until(() =>
      this.#clients.every(({ channels, record }) => channels.every((channel) => record.isComplete(channel))),
    );
  }

  figures() {
    this.#ledger.checkEnd();
    for (const { channels, record } of this.#clients) record.checkEnd(channels);
    const sum = (count: (client: FaultClient) => number) => this.#clients.reduce((all, it) => all + count(it), 0);
    return {
      clients: this.#clients.length,
      welcomes: sum(({ welcomes }) => welcomes),
      acknowledged: this.#ledger.acknowledged,
      duplicates: this.#publishers.reduce((all, it) => all + it.duplicates, 0),
      deliveries: sum(({ record }) => record.deliveries),
      lost: sum(({ record }) => record.lost),
      doubled: sum(({ record }) => record.doubled) + this.#ledger.doubled,
      gaps: sum(({ record }) => record.gaps),
      faults: this.#ledger.faults,
    };
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.stop();
    for (const publisher of this.#publishers) publisher[Symbol.dispose]();
  }

  #oneOfEach(at: number, url: string, random: () => number): readonly FaultClient[] {
    const kept: Kept = {
      historySize: (channel) => (briefs.includes(channel) ? briefSize : Number.POSITIVE_INFINITY),
      inFlight: this.#publishers.length,
    };
    const options = (name: string): ClientOptions => ({
      url,
      record: new ClientRecord(`${name} ${at}`, this.#ledger, kept),
      // Three rooms, so that many clients differ, and a channel that is soon forgotten.
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

  /** Ends also when too much time has passed: what is missing then is counted as lost. */
  async #until(isTrue: () => boolean): Promise<void> {
    const until = performance.now() + (this.#plan.settleMs ?? usualSettleMs);
    while (!isTrue() && performance.now() < until) await Bun.sleep(lookMs);
  }
}
