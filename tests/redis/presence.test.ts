import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { systemClock } from "../../server/lib/clock.ts";
import type { RedisAddress } from "../../server/lib/redis/address.ts";
import { type MakeConnection, makeConnection } from "../../server/lib/redis/connect.ts";
import type { PresenceChange, PresenceStore, PresenceStoreEvents } from "../../server/presence/presence-store.ts";
import { RedisPresence } from "../../server/presence/redis/store.ts";
import { type PresenceUnderTest, type PresenceWorld, presenceConformance } from "../conformance/presence.ts";
import { Shared } from "../shared.ts";
import { eventually } from "../waiting.ts";
import { RedisServer } from "./redis.ts";
import { RedisServerCluster } from "./redis-cluster.ts";

/** Longer than any test takes. */
const expiryMs = 60_000;
/** Short, so that a test can wait for its end, and longer than this process may have to wait for a processor. */
const soonMs = 3000;

let server: RedisServer;
let nodes: RedisServerCluster;
const shared = new Shared();
beforeAll(async () => {
  [server, nodes] = await Promise.all([
    shared.use(RedisServer.start()),
    shared.use(RedisServerCluster.start({ primaries: 3, replicasEach: 0 })),
  ]);
});
afterAll(() => shared.close());

let worlds = 0;

interface RedisUnderTest {
  readonly address: RedisAddress;
  /** Breaks all connections to it. */
  cut(): Promise<void>;
  lose(): Promise<void>;
}

function makeWith(redis: () => RedisUnderTest) {
  return async ({ workersDie }: PresenceWorld): Promise<PresenceUnderTest> => {
    const prefix = `test${++worlds}`;
    const { address, cut, lose } = redis();
    const stores: PresenceStore[] = [];
    const dead = new Set<PresenceStore>();
    return {
      make: () => {
        // The timers of a dead worker do nothing. Its connections stay open, so nothing but its silence shows that it is dead.
        const isDead = () => dead.has(store);
        const setTimeout: typeof systemClock.setTimeout = (run, ms) =>
          systemClock.setTimeout(() => (isDead() ? undefined : run()), ms);
        const clock = { ...systemClock, setTimeout };
        const store: PresenceStore = new RedisPresence({
          address,
          prefix,
          expiryMs: workersDie ? soonMs : expiryMs,
          clock,
        });
        stores.push(store);
        return store;
      },
      kill: async (store) => {
        dead.add(store);
      },
      cut,
      lose,
      close: async () => {
        for (const store of stores) await store.close();
      },
    };
  };
}

async function cutAll(servers: readonly Pick<RedisServer, "command">[]): Promise<void> {
  for (const type of ["pubsub", "normal"]) {
    await Promise.all(servers.map((it) => it.command("CLIENT", "KILL", "TYPE", type)));
  }
}

presenceConformance({
  name: "the presences in one Redis that is flushed",
  workers: "many",
  make: makeWith(() => ({
    address: server.address,
    cut: () => cutAll([server]),
    lose: async () => void (await server.command("FLUSHALL")),
  })),
});

presenceConformance({
  name: "the presences in one Redis that is restarted empty",
  workers: "many",
  make: makeWith(() => ({
    address: server.address,
    cut: () => cutAll([server]),
    lose: async () => {
      await server.kill();
      await server.run();
    },
  })),
});

presenceConformance({
  name: "the presences in a Redis cluster",
  workers: "many",
  make: makeWith(() => ({
    address: nodes.address,
    cut: () => cutAll(nodes.servers),
    lose: async () => {
      await Promise.all(nodes.servers.map((it) => it.command("FLUSHALL")));
    },
  })),
});

const room = "room:1" as ChannelName;
const alice: PresenceChange = {
  kind: "join",
  hasPlace: true,
  holder: "c1",
  over: undefined,
  resumes: false,
  userId: "alice",
  info: undefined,
  since: 1000,
};
const unheard: PresenceStoreEvents = {
  onEvents: () => undefined,
  onCaused: () => undefined,
  onBreak: () => undefined,
  onLost: () => undefined,
};

test("a change that Redis cannot store fails as unavailable, like a read, because reads wait for it", async () => {
  const { address } = server;
  const store = new RedisPresence({ address, prefix: "unstored", expiryMs: 60_000, clock: systemClock });
  await store.start(unheard);
  await server.kill();
  try {
    await expect(store.apply(room, [alice], 10)).rejects.toMatchObject({ code: "broker-unavailable" });
  } finally {
    await server.run();
    await store.close();
  }
});

test("a worker that enters a channel while Redis loses its data leaves nobody behind", async () => {
  const { address } = server;
  const shared = { address, prefix: "entering", expiryMs, clock: systemClock };
  const [asked, lost, answered] = [0, 1, 2].map(() => Promise.withResolvers<void>());
  if (asked === undefined || lost === undefined || answered === undefined) throw new Error("three");
  const connect = holdEntry(room, asked.resolve, answered.promise);
  const worker = new RedisPresence({ ...shared, connect });
  const other = new RedisPresence(shared);
  await worker.start({ ...unheard, onLost: lost.resolve });
  await other.start(unheard);

  const joining = worker.apply(room, [alice], 10);
  await asked.promise;
  await server.command("FLUSHALL");
  await lost.promise;
  answered.resolve();
  await joining;
  await worker.apply(room, [alice], 10); // as all presences, after the loss
  await worker.close();

  const read = () => other.read(room, { after: "", limit: 10 });
  await eventually(async () => expect(await read()).toMatchObject({ count: 0 }));
  await other.close();
});

/** Connections that report when a worker first enters the channel in its list, and hold the answer. */
function holdEntry(channel: ChannelName, onEntry: () => void, until: Promise<void>): MakeConnection {
  return (...settings) => {
    const redis = makeConnection(...settings);
    const call = redis.call.bind(redis) as (...words: readonly unknown[]) => Promise<unknown>;
    const held = async (...words: readonly unknown[]) => {
      const answer = await call(...words);
      if (words[0] === "SADD" && words.at(-1) === channel) {
        onEntry();
        await until;
      }
      return answer;
    };
    redis.call = held as typeof redis.call;
    return redis;
  };
}
