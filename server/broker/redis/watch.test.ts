import { expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { noReadLimits, serverRecord } from "../../../tests/redis/server-record.ts";
import { Dice } from "../../../tests/simulation/dice.ts";
import { Process } from "../../../tests/simulation/process.ts";
import { ModelClient } from "../../../tests/simulation/redis/client.ts";
import { ModelRedis } from "../../../tests/simulation/redis/server.ts";
import { Timeline } from "../../../tests/simulation/timeline.ts";
import type { MakeConnection } from "../../lib/redis/connect.ts";
import { RedisBroker } from "./broker.ts";

/** When the network stops for a while. The watch sends its heartbeats every 2 s. */
const stallAt = 9900;
/** Less than the silence after which a connection is replaced, but with the timeout of a WAIT it is more. */
const stallMs = 3400;

test.each([
  ["no WAIT is sent", 0],
  ["WAIT blocks the connection", 1],
])("a stall that is short enough is not taken for a broken connection: %s", (_, replicas) => {
  const watched = new WatchedRedis(replicas);
  watched.runUntil(stallAt);
  watched.stall(stallAt + stallMs);
  watched.publish(); // with WAIT behind it, and the next heartbeat behind that
  watched.runUntil(60_000);
  expect([watched.health, watched.restarts]).toEqual([[true], 0]);
});

test.each([
  ["no WAIT is sent", 0, 14_000],
  ["WAIT may delay them", 1, 16_000],
])("a subscription is replaced once the last heartbeat is too old: %s", (_, replicas, replacedAt) => {
  const watched = new WatchedRedis(replicas);
  watched.runUntil(stallAt);
  watched.deafen(); // the last one was received at 8000
  watched.runUntil(replacedAt - 100);
  expect([watched.health, watched.restarts]).toEqual([[true], 0]);
  watched.runUntil(replacedAt + 1500);
  expect([watched.health, watched.restarts]).toEqual([[true, false, true], 2]);
});

/** A broker over a modelled Redis without replicas, in simulated time. */
class WatchedRedis {
  /** The broker's reports. */
  readonly health: boolean[] = [];
  readonly #timeline = new Timeline();
  readonly #route = { delayMs: [10, 10] as const, heldUntil: 0 };
  readonly #process: Process;
  readonly #redis: ModelRedis;
  readonly #broker: RedisBroker;
  readonly #clients: ModelClient[] = [];
  #connected = 0;

  constructor(replicas: number) {
    const dice = new Dice(1, "watch");
    this.#process = new Process(this.#timeline, "worker", 1, dice);
    this.#redis = new ModelRedis(new Process(this.#timeline, "redis", 2, dice));
    const connect = () => {
      const client = new ModelClient(this.#process, this.#redis, this.#route);
      client.on("ready", () => this.#connected++);
      this.#clients.push(client);
      return client;
    };
    this.#broker = new RedisBroker({
      address: {
        kind: "single",
        hosts: [{ host: "redis", port: 6379 }],
        username: undefined,
        password: undefined,
        db: 0,
        hasTls: false,
        primaryName: undefined,
      },
      prefix: "watch",
      replicas,
      idWindowMs: 300_000,
      rulesOf: noReadLimits,
      clock: this.#process,
      record: serverRecord,
      connect: connect as unknown as MakeConnection, // it has the methods that are used of the library's client
    });
    const onHealth = (healthy: boolean) => void this.health.push(healthy);
    void this.#broker.start({ onPublication() {}, onBreak() {}, onReset() {}, onHealth });
  }

  /** How many connections were replaced: one for commands, and one for subscriptions. */
  get restarts(): number {
    return this.#connected - this.#clients.length;
  }

  runUntil(ms: number): void {
    this.#timeline.runUntil(ms);
  }

  stall(until: number): void {
    this.#route.heldUntil = until;
  }

  /** Its answer does not matter: no replica confirms it. */
  publish(): void {
    const draft = { channel: "room" as ChannelName, data: "1" };
    this.#process.setImmediate(() => void this.#broker.publish(draft, noReadLimits()).catch(() => undefined));
  }

  /** Everything sent to the existing connections is lost, although they are open. */
  deafen(): void {
    for (const peer of this.#redis.peers) peer.isDeaf = true;
  }
}
