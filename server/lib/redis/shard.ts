import type { Clock } from "../clock.ts";
import type { RedisAddress } from "./address.ts";
import { CommandConnection } from "./command-connection.ts";
import type { MakeConnection } from "./connect.ts";
import type { RedisScript } from "./script.ts";
import { hasShardedPubSub, type ServerInfo } from "./server-info.ts";
import type { Host } from "./slots.ts";
import { SubscriberConnection } from "./subscriber-connection.ts";
import type { RedisUnreachable, RedisUnusable } from "./unreachable.ts";

export interface ShardSettings {
  readonly address: RedisAddress;
  readonly host: Host;
  readonly scripts: readonly RedisScript[];
  readonly clock: Clock;
  readonly connect: MakeConnection;
}

export interface ShardEvents {
  /** Commands work and all wanted channels are subscribed. Called again after each break. */
  onUp(shard: Shard): void;
  onDown(shard: Shard, reason: RedisUnreachable | RedisUnusable | undefined): void;
  onMessage(channel: string, text: string): void;
}

/** One primary with two connections: one for commands, one for subscriptions. */
export class Shard {
  readonly name: string;
  readonly commands: CommandConnection;
  readonly #settings: ShardSettings;
  readonly #events: ShardEvents;
  #subscriber: SubscriberConnection | undefined;
  #info: ServerInfo | undefined;
  #isClosed = false;

  constructor(settings: ShardSettings, events: ShardEvents) {
    const { address, host, scripts, clock, connect } = settings;
    this.name = `${host.host}:${host.port}`;
    this.#settings = settings;
    this.#events = events;
    this.commands = new CommandConnection(
      connect(address, host),
      { server: this.name, wantsCluster: address.kind === "cluster", scripts, clock },
      { onUp: (info) => this.#up(info), onDown: (reason) => events.onDown(this, reason) },
    );
  }

  connect(): void {
    this.commands.connect();
  }

  get isUp(): boolean {
    return this.commands.isUp && this.#subscriber?.isListening === true;
  }

  /** The server's report when it was last connected. */
  get info(): ServerInfo | undefined {
    return this.#info;
  }

  get subscriber(): SubscriberConnection | undefined {
    return this.#subscriber;
  }

  close(): void {
    this.#isClosed = true;
    this.commands.close();
    this.#subscriber?.close();
  }

  #up(info: ServerInfo): void {
    this.#info = info;
    if (this.#subscriber === undefined && !this.#isClosed) this.#openSubscriber(info);
    else if (this.isUp) this.#events.onUp(this);
  }

  /** Opened after the first command, since the kind of subscription depends on the server's version. */
  #openSubscriber(info: ServerInfo): void {
    const { address, host, connect } = this.#settings;
    this.#subscriber = new SubscriberConnection(connect(address, host), hasShardedPubSub(info), {
      onListening: () => {
        if (this.isUp) this.#events.onUp(this);
      },
      onBreak: () => this.#events.onDown(this, undefined),
      onMessage: this.#events.onMessage,
    });
    this.#events.onDown(this, undefined);
    this.#subscriber.connect();
  }
}
