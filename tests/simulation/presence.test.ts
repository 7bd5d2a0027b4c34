import { expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { replayable, seed } from "../seed.ts";
import { PresenceWatcher } from "./clients/presence-watcher.ts";
import { Dice } from "./dice.ts";
import type { Action, ActionKind, ClientPlan, Plan } from "./plan.ts";
import { simulate } from "./simulate.ts";
import type { Simulation } from "./simulation.ts";

/** A run takes about ten seconds of computing. */
const runs = process.env.FANFARE_LONG === "1" ? 30 : 1;
/** How long users connect, leave, move and lose their connections, milliseconds. */
const durationMs = 60_000;
const users = 500;
const channels = Array.from({ length: 6 }, (_, n) => `room:${n}` as ChannelName);
/** How often each fault or operation happens in that time. */
const actionCounts: readonly (readonly [kind: ActionKind, times: number])[] = [
  ["client-breaks", 150],
  ["client-leaves", 120],
  ["client-sleeps", 20],
  ["client-stalls", 20],
  ["node-dies", 3],
  ["node-stops", 2],
  ["node-rolls", 3],
  ["redis-link-breaks", 6],
  ["redis-link-deaf", 2],
  ["redis-restarts", 2],
  ["redis-flushed", 1],
  ["redis-stops", 1],
];

function planOf(number: number): Plan {
  const dice = new Dice(number, "presence");
  const clients = Array.from({ length: users }, (_, n): ClientPlan => {
    return {
      kind: dice.chance(0.3) ? "sdk" : "plain",
      startsAt: dice.whole(0, durationMs * 0.9),
      userId: dice.chance(0.1) ? undefined : `user-${n}`,
      channels: channels.filter(() => dice.chance(0.25)),
      takesOver: dice.chance(0.7),
      publishesEvery: 0,
    };
  });
  const actions = actionCounts.flatMap(([kind, times]) =>
    Array.from({ length: times }, (): Action => {
      const at = dice.whole(2000, durationMs - 1000);
      return { at, kind, target: dice.whole(0, 10 * users), ms: dice.whole(100, 9000), amount: dice.whole(0, 99) };
    }),
  );
  return {
    seed: number,
    profile: "all",
    durationMs,
    nodes: 4,
    userConnections: "many",
    historySize: 20,
    historyTtlMs: 60_000,
    slowestMs: 20,
    periodicMs: 0,
    clients,
    publishers: [],
    readers: [],
    actions: actions.sort((a, b) => a.at - b.at),
  };
}

interface SentChannel {
  readonly epoch: string;
  position: number;
  count: number | undefined;
  /** Whether each connection of which this epoch had an event is there. */
  readonly present: Map<string, boolean>;
}

/** What Redis sent about presence: positions without holes, and joined and left in turn for each connection. */
class SentEvents {
  readonly faults: string[] = [];
  count = 0;
  readonly #channels = new Map<string, SentChannel>();

  take(topic: string, text: string): void {
    if (!topic.endsWith(":presence")) return;
    const [head = "", ...lines] = text.split("\n");
    const [epoch = ""] = head.split(" ");
    for (const line of lines) this.#event(topic, epoch, line);
  }

  /** How many connections are in a channel, according to the last event. */
  countIn(channel: ChannelName): number {
    return this.#channels.get(`sim:{${channel}}:presence`)?.count ?? 0;
  }

  #event(topic: string, epoch: string, line: string): void {
    const [kind = "", position = "", count = "", id = ""] = line.split(" ", 4);
    const known = this.#channels.get(topic);
    // An epoch can begin with presences of the one before.
    const isSame = known?.epoch === epoch;
    const channel: SentChannel = isSame ? known : { epoch, position: 0, count: undefined, present: new Map() };
    this.#channels.set(topic, channel);
    this.count++;
    const text = `${topic}: ${epoch} ${kind} ${position} ${count} ${id}`;
    const by = kind === "joined" ? 1 : -1;
    if (Number(position) !== channel.position + 1) this.faults.push(`${text} follows ${channel.position}`);
    if (channel.present.get(id) === (kind === "joined")) this.faults.push(`${text} contradicts`);
    if (channel.count !== undefined && Number(count) !== channel.count + by)
      this.faults.push(`${text} after ${channel.count}`);
    channel.position = Number(position);
    channel.count = Number(count);
    channel.present.set(id, kind === "joined");
  }
}

test(
  "500 users come and go while nodes and Redis fail, and every watcher ends with the true presence",
  () =>
    replayable(() => {
      for (let number = seed; number < seed + runs; number++) {
        const plan = planOf(number);
        const sent = new SentEvents();
        const watchers: PresenceWatcher[] = [];
        let simulation: Simulation | undefined;
        const { violations } = simulate(plan, (it) => {
          simulation = it;
          const { onStored } = it.redis;
          it.redis.onStored = (topic, text) => {
            onStored(topic, text);
            sent.take(topic, text);
          };
          const dice = new Dice(number, "watchers");
          for (const [n, channel] of [...channels, ...channels, ...channels, ...channels].entries()) {
            const host = it.hostFor(`watcher-${n}`);
            const watcher = new PresenceWatcher(it, host, { channel, isStream: n % 2 === 1 });
            watchers.push(watcher);
            host.process.setTimeout(() => watcher.start(), dice.whole(1000, durationMs));
          }
        });
        const sessions = simulation?.living.flatMap(({ hub }) => [...hub.connections.all()]) ?? [];
        const truthOf = (channel: ChannelName) =>
          sessions
            .flatMap(({ memberships, userId }) => (memberships.get(channel) === undefined ? [] : [userId ?? "-"]))
            .sort();
        const own = violations.filter(({ law }) => !/counts|connected at rest/.test(law));
        expect([number, own.slice(0, 3)]).toEqual([number, []]);
        for (const [n, watcher] of watchers.entries()) {
          const channel = channels[n % channels.length] ?? channels[0];
          if (channel === undefined) continue;
          expect([number, watcher.userId, watcher.faults.slice(0, 3)]).toEqual([number, watcher.userId, []]);
          expect([number, watcher.userId, watcher.users]).toEqual([number, watcher.userId, truthOf(channel)]);
        }
        expect([number, sent.faults.slice(0, 3)]).toEqual([number, []]);
        expect(sent.count).toBeGreaterThan(users);
        for (const it of channels) expect([number, it, sent.countIn(it)]).toEqual([number, it, truthOf(it).length]);
      }
    }),
  runs * 240_000,
);
