import type { CommandConnection } from "../../lib/redis/command-connection.ts";
import type { RedisScript } from "../../lib/redis/script.ts";
import type { RedisStore } from "../../lib/redis/store.ts";

/** How long signs are kept, milliseconds: as long as a channel's record without messages. */
const keptMs = 86_400_000;
/** Most signs per server, about 1 MB. Each start of a member adds one, and each restart of Redis one per member. */
const maxSigns = 10_000;

/** The latest sign of life that a member wrote on one server, under one replication id. */
export interface SignOfLife {
  readonly member: string;
  readonly replicationId: string;
  /** How much older it is than the latest sign under this replication id, milliseconds. */
  readonly ageMs: number;
}

/** The part of a shard that it uses. */
export interface SignsShard {
  readonly commands: Pick<CommandConnection, "run" | "call" | "replicationId">;
}

export interface SignsOfLifeDependencies {
  /** The name of this member. */
  readonly self: string;
  readonly store: Pick<RedisStore, "publishVerb">;
  /** watch.lua */
  readonly script: RedisScript;
}

/**
 * The signs of life that members store on each primary, every 2 s and before anything else on a new connection.
 *
 * What Redis loses in a crash or failover is everything from some time on. So the signs that it still has are those of that time.
 * A member that stored something later either has a recent sign among them, or it connected later. Then it has no sign, and
 * all that it stored is lost. Only times of one server are compared, because the clocks of servers differ.
 */
export class SignsOfLife {
  readonly #dependencies: SignsOfLifeDependencies;

  constructor(dependencies: SignsOfLifeDependencies) {
    this.#dependencies = dependencies;
  }

  /** Writes the own sign, and publishes it on the watch topic of the shard. @throws RedisUnreachable, RedisUnusable */
  async write(shard: SignsShard, topic: string): Promise<void> {
    const { self, store, script } = this.#dependencies;
    const args = [topic, `here ${self}`, store.publishVerb, this.#signOn(shard), keptMs, maxSigns];
    await shard.commands.run(script, [keyOf(topic)], args);
  }

  /** All signs on this shard. @throws RedisUnreachable, RedisUnusable */
  async read(shard: SignsShard, topic: string): Promise<readonly SignOfLife[]> {
    const answer = (await shard.commands.call("ZRANGE", keyOf(topic), 0, -1, "WITHSCORES")) as readonly string[];
    const latest = new Map<string, number>();
    const signs = Array.from({ length: answer.length / 2 }, (_, n) => {
      const [member = "", replicationId = ""] = (answer[2 * n] ?? "").split(" ");
      const at = Number(answer[2 * n + 1]);
      latest.set(replicationId, at); // lowest first
      return { member, replicationId, at };
    });
    return signs.map(({ member, replicationId, at }) => {
      return { member, replicationId, ageMs: (latest.get(replicationId) ?? at) - at };
    });
  }

  /**
   * Removes the own sign, because this member stores nothing any more. If Redis loses anything that it stored, it loses the
   * removal too. @throws RedisUnreachable, RedisUnusable
   */
  async remove(shard: SignsShard, topic: string): Promise<void> {
    await shard.commands.call("ZREM", keyOf(topic), this.#signOn(shard));
  }

  #signOn(shard: SignsShard): string {
    return `${this.#dependencies.self} ${shard.commands.replicationId}`;
  }
}

/** In the slot of the topic. */
function keyOf(topic: string): string {
  return `${topic}/members`;
}
