import type { CommandConnection } from "../../lib/redis/command-connection.ts";
import type { RedisScript } from "../../lib/redis/script.ts";
import type { RedisStore } from "../../lib/redis/store.ts";

/** How long heartbeats are kept, milliseconds: as long as a channel's record without messages. */
const keptMs = 86_400_000;
/**
 * Maximum number of heartbeats per server, about 1 MB. Each start of a member adds one, and each restart of Redis one per
 * member.
 */
const maxHeartbeats = 10_000;

/** The latest heartbeat that a member wrote on one server, under one replication id. */
export interface StoredHeartbeat {
  readonly member: string;
  readonly replicationId: string;
  /** How much older it is than the latest heartbeat under this replication id, milliseconds. */
  readonly ageMs: number;
}

/** The part of a shard that it uses. */
export interface HeartbeatsShard {
  readonly commands: Pick<CommandConnection, "run" | "call" | "replicationId">;
}

export interface StoredHeartbeatsDependencies {
  /** The name of this member. */
  readonly self: string;
  readonly store: Pick<RedisStore, "publishVerb">;
  /** watch.lua */
  readonly script: RedisScript;
}

/**
 * The heartbeats that members store on each primary, every 2 s and before anything else on a new connection.
 *
 * In a crash or failover Redis loses all writes after some point in time. So the remaining heartbeats were written before
 * that point. A member whose writes were lost either has a recent heartbeat among them, or it connected after that point.
 * Then it has no heartbeat, and everything that it stored is lost. Only times of one server are compared, because the
 * clocks of servers differ.
 */
export class StoredHeartbeats {
  readonly #dependencies: StoredHeartbeatsDependencies;

  constructor(dependencies: StoredHeartbeatsDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Writes this member's heartbeat, and publishes it on the watch topic of the shard. @throws RedisUnreachable,
   * RedisUnusable
   */
  async write(shard: HeartbeatsShard, topic: string): Promise<void> {
    const { self, store, script } = this.#dependencies;
    const args = [topic, `here ${self}`, store.publishVerb, this.#heartbeatOn(shard), keptMs, maxHeartbeats];
    await shard.commands.run(script, [keyOf(topic)], args);
  }

  /** All heartbeats on this shard. @throws RedisUnreachable, RedisUnusable */
  async read(shard: HeartbeatsShard, topic: string): Promise<readonly StoredHeartbeat[]> {
    const answer = (await shard.commands.call("ZRANGE", keyOf(topic), 0, -1, "WITHSCORES")) as readonly string[];
    const latest = new Map<string, number>();
    const heartbeats = Array.from({ length: answer.length / 2 }, (_, n) => {
      const [member = "", replicationId = ""] = (answer[2 * n] ?? "").split(" ");
      const at = Number(answer[2 * n + 1]);
      latest.set(replicationId, at); // lowest first
      return { member, replicationId, at };
    });
    return heartbeats.map(({ member, replicationId, at }) => {
      return { member, replicationId, ageMs: (latest.get(replicationId) ?? at) - at };
    });
  }

  /**
   * Removes this member's heartbeat, because it stores nothing any more. If Redis loses anything that it stored, it loses
   * the removal too. @throws RedisUnreachable, RedisUnusable
   */
  async remove(shard: HeartbeatsShard, topic: string): Promise<void> {
    await shard.commands.call("ZREM", keyOf(topic), this.#heartbeatOn(shard));
  }

  #heartbeatOn(shard: HeartbeatsShard): string {
    return `${this.#dependencies.self} ${shard.commands.replicationId}`;
  }
}

/** In the slot of the topic. */
function keyOf(topic: string): string {
  return `${topic}/members`;
}
