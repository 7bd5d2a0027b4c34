import { type ChannelName, everyone, userChannel } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import { KeyNames } from "../../server/broker/redis/keys.ts";
import { unlimited } from "../../server/limits/rates.ts";
import { writeLimits } from "../../server/transport/websocket/write-limits.ts";
import type { ClientContext } from "./clients/client-context.ts";
import type { ClientHost } from "./clients/link.ts";
import { PlainSubscriber } from "./clients/plain-subscriber.ts";
import { Publisher } from "./clients/publisher.ts";
import { Reader } from "./clients/reader.ts";
import { SdkSubscriber } from "./clients/sdk-subscriber.ts";
import type { Subscriber } from "./clients/subscriber.ts";
import { Dice } from "./dice.ts";
import { History } from "./history.ts";
import type { Plan } from "./plan.ts";
import { Process } from "./process.ts";
import { recordAt } from "./redis/broker-scripts.ts";
import { ModelRedis } from "./redis/server.ts";
import { type NodeSettings, SimNode } from "./sim-node.ts";
import { Timeline } from "./timeline.ts";
import type { Route } from "./wire.ts";

const names = new KeyNames("sim", 0);

/** The parts of one simulation: a model of Redis, real servers, SDK clients and plain clients, publishers, and readers. */
export class Simulation implements ClientContext {
  readonly plan: Plan;
  readonly timeline = new Timeline();
  readonly history = new History(() => this.timeline.now);
  readonly redis: ModelRedis;
  readonly nodes: SimNode[] = [];
  readonly subscribers: Subscriber[] = [];
  readonly publishers: Publisher[] = [];
  readonly backendRoute: Route;
  /** The process that performs the actions of the plan. */
  readonly director: Process;
  readonly mayForget: boolean;
  readonly onlyRolls: boolean;
  readonly keepsEpochs: boolean;
  /** Channels in which nobody publishes at the moment. */
  readonly pausedChannels = new Set<ChannelName>();
  /** Channels of which an older copy was restored in Redis. */
  readonly restoredChannels = new Set<ChannelName>();
  /** The schedule occurrences that were published, in the order in which Redis stored them. */
  readonly occurrences: { readonly id: string; readonly time: number }[] = [];
  readonly #open = new Map<number, { readonly what: string; readonly process: Process }>();
  #opened = 0;
  #processes = 0;
  #hasEndedPublishing = false;

  /** @param onDice hands out the dice of whatever process runs now, before anything is made */
  constructor(plan: Plan, onDice: (dice: () => Dice) => void) {
    this.plan = plan;
    this.onlyRolls = plan.profile === "roll";
    this.keepsEpochs = plan.profile.startsWith("failover");
    this.backendRoute = this.route();
    this.director = this.#process("director");
    onDice(() => (this.timeline.current ?? this.director).dice);
    this.redis = new ModelRedis(this.#process("redis"));
    this.redis.onStored = (topic, text) => this.#noteOccurrence(topic, text);
    this.mayForget = plan.actions.some(({ kind }) =>
      /^redis-(restarts|fails-over|flushed|clock|restores-old-copy)/.test(kind),
    );
    for (let at = 0; at < plan.nodes; at++) this.#startNode(at);
    for (const [at, client] of plan.clients.entries()) {
      const host: ClientHost = { process: this.#process(`${client.kind}-${at}`), route: this.route(), isReading: true };
      const make = client.kind === "sdk" ? SdkSubscriber : PlainSubscriber;
      const subscriber = new make(this, client, host);
      this.subscribers.push(subscriber);
      host.process.setTimeout(() => subscriber.start(), client.startsAt);
      if (client.publishesEvery > 0) this.#publishPeriodically(subscriber, client.publishesEvery);
    }
    for (const [at, { channels, everyMs, burst, bytes }] of plan.publishers.entries()) {
      const publisher = new Publisher(this, this.#process(`publisher-${at}`));
      this.publishers.push(publisher);
      this.#startPublisher(publisher, channels, { everyMs, burst, bytes });
    }
    for (const [at, { channels, everyMs }] of plan.readers.entries()) {
      this.#startReader(new Reader(this, this.#process(`reader-${at}`)), channels, everyMs);
    }
  }

  route(): Route {
    return { delayMs: [0.2, Math.max(0.5, this.plan.slowestMs)], heldUntil: 0 };
  }

  /** @returns the host of one more client */
  hostFor(name: string): ClientHost {
    return { process: this.#process(name), route: this.route(), isReading: true };
  }

  /** Where the load balancer sends a connection. Unless nodes only roll, it sometimes does not know yet that a node is gone. */
  pickNode({ dice }: Process): SimNode {
    const ready = this.nodes.filter(({ isReady, isLeaving, process }) => isReady && !isLeaving && !process.isDead);
    return dice.pick(ready.length === 0 || (this.plan.profile !== "roll" && dice.chance(0.05)) ? this.nodes : ready);
  }

  isKept(channel: string, { epoch, offset }: Position): boolean {
    const { record, messages } = names.of(channel as ChannelName);
    const { keys, process } = this.redis;
    if (recordAt(keys, record)?.epoch !== epoch) return false;
    const entry = keys.stream(messages).find((it) => it.offset === offset);
    return entry !== undefined && entry.time >= process.now() - this.plan.historyTtlMs;
  }

  /** The top position of a channel in Redis. */
  topOf(channel: ChannelName): Position | undefined {
    const record = recordAt(this.redis.keys, names.of(channel).record);
    return record === undefined ? undefined : { epoch: record.epoch, offset: record.top };
  }

  keysOf(channel: ChannelName) {
    return names.of(channel);
  }

  /** Records an operation that has to settle. @returns to be called when it has */
  expectSettled(what: string, process: Process): () => void {
    const number = ++this.#opened;
    this.#open.set(number, { what, process });
    return () => void this.#open.delete(number);
  }

  /** The operations that have not settled, except those of dead processes. */
  get unsettled(): readonly string[] {
    return Array.from(this.#open.values())
      .filter(({ process }) => !process.isDead)
      .map(({ what }) => what);
  }

  /** The nodes whose process is alive. */
  get living(): readonly SimNode[] {
    return this.nodes.filter(({ process }) => !process.isDead);
  }

  /** Starts a new node in place of a dead one. */
  replaceNode(at: number): void {
    if (this.nodes[at]?.process.isDead === true) this.#startNode(at);
  }

  channelsOf({ plan }: Subscriber): readonly ChannelName[] {
    const own = plan.userId === undefined ? [] : [userChannel(plan.userId)];
    return [...plan.channels, ...(plan.kind === "plain" ? [everyone, ...own] : [])];
  }

  /** From here on nobody publishes. */
  endPublishing(): void {
    this.#hasEndedPublishing = true;
  }

  #noteOccurrence(topic: string, text: string): void {
    const [, id, slot = ""] = /"id":"slots:[^"]*?:(\d+:(\d{4}-[^"]*))"/.exec(text) ?? [];
    if (id !== undefined && topic === names.topicOf(everyone)) this.occurrences.push({ id, time: Date.parse(slot) });
  }

  #startNode(at: number): void {
    const process = this.#process(`node-${at}`);
    const node = new SimNode(process, this.redis, this.#settings(), this.route());
    this.nodes[at] = node;
    node.start(() => {
      process.kill();
      this.director.setTimeout(() => this.replaceNode(at), 500);
    });
  }

  #settings(): NodeSettings {
    const { userConnections, historySize, historyTtlMs, periodicMs } = this.plan;
    const maxMessageBytes = 64 * 1024;
    return {
      hub: {
        maxConnections: 1000,
        maxConnectionsPerIp: 1000,
        maxConnectionsPerUser: 100,
        userConnections,
        maxChannels: 100,
        presenceSize: 10_000,
        presenceBytes: 256 * 1024 ** 2,
        notices: true,
        pingIntervalMs: 10_000,
        flushWindowMs: 5,
        tailBytes: 20_000,
        tailBytesTotal: 60_000,
        ...unlimited,
        slowTimeoutMs: 20_000,
        sendBufferBytes: 1024 ** 2,
        maxMessageBytes,
      },
      rules: { historySize, historyTtl: historyTtlMs, historyBytes: 1_000_000 },
      periodicMs,
      drainWindowMs: 5000,
      shutdownTimeoutMs: 15_000,
      room: { windowBytes: 4000, fullBytes: 4000, refuseBytes: writeLimits(maxMessageBytes).refuseBytes },
    };
  }

  #publishPeriodically(subscriber: Subscriber, everyMs: number): void {
    const { process } = subscriber.host;
    let count = 0;
    const publish = () => {
      if (this.#hasEndedPublishing) return;
      const [channel] = subscriber.plan.channels;
      if (channel !== undefined && subscriber.isConnected && !this.pausedChannels.has(channel)) {
        subscriber.publish(channel, `${process.name}-${++count}`, "said");
      }
      process.setTimeout(publish, everyMs * process.dice.between(0.5, 1.5));
    };
    process.setTimeout(publish, subscriber.plan.startsAt + everyMs);
  }

  #startPublisher(
    publisher: Publisher,
    channels: readonly ChannelName[],
    { everyMs, burst, bytes }: { everyMs: number; burst: number; bytes: number },
  ): void {
    const { process } = publisher;
    const publish = () => {
      if (this.#hasEndedPublishing) return;
      const channel = process.dice.pick(channels);
      // Without answers a backend stops at 50 unanswered publications.
      if (!this.pausedChannels.has(channel) && publisher.unsettled < 50) {
        publisher.publish(
          channel,
          Array.from({ length: process.dice.whole(1, burst) }, () => "x".repeat(bytes)),
        );
      }
      process.setTimeout(publish, everyMs * process.dice.between(0.5, 1.5));
    };
    process.setTimeout(publish, everyMs);
  }

  #startReader(reader: Reader, channels: readonly ChannelName[], everyMs: number): void {
    const { process } = reader;
    const read = () => {
      if (this.#hasEndedPublishing) return;
      reader.read(process.dice.pick(channels));
      process.setTimeout(read, everyMs * process.dice.between(0.5, 1.5));
    };
    process.setTimeout(read, everyMs);
  }

  #process(name: string): Process {
    const number = this.#processes++;
    const process = new Process(this.timeline, name, number, new Dice(this.plan.seed, `${name} ${number}`));
    return process;
  }
}
