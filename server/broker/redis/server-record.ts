import { getLogger } from "@logtape/logtape";
import type { RedisScript } from "../../lib/redis/script.ts";
import type { RedisStore } from "../../lib/redis/store.ts";

/** The values that all servers with the same Redis and prefix share. They are in the hash `fanfare/server`. */
export interface ServerRecord {
  /** The version of the layout of keys, scripts and messages. Servers with different versions must not share a prefix. */
  readonly format: string;
  /** The secret that signs resume keys, 32 bytes in base64url. */
  readonly secret: string;
  /** The history settings, as a person writes them: `HISTORY_SIZE=1000 HISTORY_TTL=300000ms HISTORY_BYTES=1048576`. */
  readonly history: string;
}

/** A record, and the key under which it is stored. */
export interface KeptRecord {
  readonly key: string;
  readonly record: ServerRecord;
}

/**
 * Stores the record, except values that are there already.
 * @returns the values that are in Redis now
 */
export async function storeRecord(
  store: RedisStore,
  script: RedisScript,
  { key, record }: KeptRecord,
): Promise<ServerRecord> {
  const { format, secret, history } = record;
  const found = (await store.shardOf(key).commands.run(script, [key], [format, secret, history])) as readonly string[];
  const [foundFormat = format, foundSecret = secret, foundHistory = history] = found;
  return { format: foundFormat, secret: foundSecret, history: foundHistory };
}

/**
 * Stores the record again after Redis has lost its data. Otherwise a server that starts later would make another secret, and
 * the servers would refuse each other's resume keys.
 */
export class RecordKeeper {
  readonly #store: RedisStore;
  readonly #script: RedisScript;
  readonly #kept: KeptRecord;
  #hasWarned = false;

  constructor(store: RedisStore, script: RedisScript, kept: KeptRecord) {
    this.#store = store;
    this.#script = script;
    this.#kept = kept;
  }

  /** Called every 2 s while Redis accepts writes. */
  async keep(): Promise<void> {
    try {
      const { secret } = await storeRecord(this.#store, this.#script, this.#kept);
      if (secret === this.#kept.record.secret || this.#hasWarned) return;
      this.#hasWarned = true;
      logger().warning(
        "Another server has a different secret for resume keys: it started just after Redis had lost its data. A client that " +
          "moves between it and this server with takes_over counts as a new connection. Restart this server.",
      );
    } catch {
      // The watch reports a Redis that cannot be used, and calls again in 2 s.
    }
  }
}

function logger() {
  return getLogger(["fanfare", "broker"]);
}
