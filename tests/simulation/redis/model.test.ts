import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { brokerScripts } from "../../../server/broker/redis/scripts.ts";
import { directoryScripts } from "../../../server/cluster/redis/member-directory.ts";
import type { RedisScript } from "../../../server/lib/redis/script.ts";
import { presenceScripts } from "../../../server/presence/redis/scripts.ts";
import { scheduleScripts } from "../../../server/schedule/redis/scripts.ts";
import { RedisServer } from "../../redis/redis.ts";
import { makeRandom, replayable, seed } from "../../seed.ts";
import { Shared } from "../../shared.ts";
import { Dice } from "../dice.ts";
import { Process } from "../process.ts";
import { Timeline } from "../timeline.ts";
import { Wire } from "../wire.ts";
import type { Answer } from "./script.ts";
import { ModelRedis, type Peer } from "./server.ts";

/** The number of commands, so that each script runs a few hundred times. */
const commands = 3000;
/** A time as milliseconds since 1970: the two servers do not read their clocks in the same one. */
const anyTime = /\b1[5-9]\d{11}\b/g;
/** How long a lease still lasts: read in another millisecond, too. */
const anyRest = /\b(59\d{4}|600000)\b/g;

let server: RedisServer;
let redis: Redis;
const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(RedisServer.start());
  redis = new Redis(server.port, "127.0.0.1");
  shared.defer(() => redis.disconnect());
});
afterAll(() => shared.close());

test("the modelled Redis answers any command like a real one", () =>
  replayable(async () => {
    const model = makeModel();
    const scripts: Readonly<Record<string, RedisScript>> = {
      ...brokerScripts(),
      ...directoryScripts(),
      // Named apart, because other scripts have the same names.
      ...Object.fromEntries(Object.entries(presenceScripts()).map(([name, it]) => [`presence ${name}`, it])),
      ...Object.fromEntries(Object.entries(scheduleScripts()).map(([name, it]) => [`schedule ${name}`, it])),
    };
    for (const { lua } of Object.values(scripts)) {
      const real = String(await redis.script("LOAD", lua));
      expect(model(["SCRIPT", "LOAD", lua])).toBe(real);
    }
    const random = makeRandom(7);
    const whole = (most: number) => Math.floor(random() * (most + 1));
    const pick = <T>(...items: readonly [T, ...T[]]): T => items[whole(items.length - 1)] ?? items[0];
    const publishing = ["publish stored", "publish life", "publish duplicate", "publish late"];
    const reading = ["open top", "open life", "read history", "settle top", "settle life"];
    const presences = ["presence apply", "presence remove", "presence read", "presence beat"];
    const schedules = ["schedule lease", "schedule read", "schedule write"];
    const kinds = [
      ...presences,
      ...schedules,
      ...publishing,
      ...reading,
      "claim granted",
      "claim refused",
      "claim gone",
    ];
    const counts = new Map<string, number>();
    const missing = () => kinds.filter((it) => (counts.get(it) ?? 0) < 5);
    for (let at = 0; at < commands || (at < 10 * commands && missing().length > 0); at++) {
      const name = pick(...(Object.keys(scripts) as [string, ...string[]]));
      const draw = { whole, pick, at };
      const call = name.startsWith("presence ")
        ? presenceCallOf
        : name.startsWith("schedule ")
          ? scheduleCallOf
          : callOf;
      const [keys, args] = call(name, draw);
      const command = [scripts[name]?.sha ?? "", String(keys.length), ...keys, ...args.map(String)];
      const real = await redis.evalsha(command[0] ?? "", keys.length, ...command.slice(2));
      const modelled = model(["EVALSHA", ...command]);
      const shown = (answer: unknown) =>
        JSON.stringify(inOrder(name === "presence remove" ? inAnyOrder(answer) : answer))
          .replaceAll(anyTime, "time")
          .replaceAll(anyRest, "rest");
      if (shown(modelled) !== shown(real)) {
        throw new Error(`${name} ${args.join(" ")}: the model says ${shown(modelled)}, Redis ${shown(real)}`);
      }
      if (name === "watch") {
        const [watched, few] = [await redis.zrange("watched", "0", "-1"), await redis.zrange("few", "0", "-1")];
        expect(namesOf(model(["ZRANGE", "watched", "0", "-1", "WITHSCORES"]) as string[])).toEqual(watched.toSorted());
        // Which ones are dropped depends on whose were written in the same millisecond.
        expect(namesOf(model(["ZRANGE", "few", "0", "-1", "WITHSCORES"]) as string[])).toHaveLength(few.length);
      }
      const word = Array.isArray(real) && !/^(presence|schedule) /.test(name) ? `${name} ${real[0]}` : name;
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    // Each kind of answer occurred. Otherwise two servers that refuse everything would pass.
    expect(missing()).toEqual([]);
  }));

/** Without the times. */
function namesOf(watched: readonly string[]): readonly string[] {
  return watched.filter((_, at) => at % 2 === 0).toSorted();
}

interface Draw {
  whole(most: number): number;
  pick<T>(...items: readonly [T, ...T[]]): T;
  readonly at: number;
}

/** Keys and arguments as server/broker/redis/records.ts and server/cluster/redis/member-directory.ts give them. */
function callOf(name: string, { whole, pick, at }: Draw): [keys: string[], args: (string | number)[]] {
  const channel = `c{${whole(2)}}`;
  const [record, messages] = [`${channel}:record`, `${channel}:messages`];
  const life = at % 500 < 400 ? "life1" : pick("life1", "life2");
  const epoch = `epoch${at}`;
  const member = `m${whole(3)}`;
  const id = (it: string) => `alive:${it}`;
  switch (name) {
    case "publish": {
      const keys = [record, messages, ...pick([], [`${channel}:id:${whole(30)}`])];
      const lateAt = pick(8e12, 8e12, 8e12, 8e12, 8e12, 1000);
      const limits = [pick(0, 3, 10, 10, 100), 3_600_000, pick(100, 1000, 1e6)];
      return [
        keys,
        [life, epoch, `text ${at}`, 86_400_000, ...limits, 300_000, lateAt, channel, "PUBLISH", whole(150)],
      ];
    }
    case "open":
      return [
        [record, messages],
        [life, epoch, 86_400_000],
      ];
    case "read": {
      const asked = pick<(string | number)[]>(
        ["position", `epoch${whole(at)}`, whole(20)],
        ["earliest", "", 0],
        ["last", whole(20), 0],
        ["age", 3_000_000, 0],
      );
      return [
        [record, messages],
        [life, epoch, 86_400_000, ...asked, whole(20), pick(0, 200, 1e6), pick(0, 3, 1e6), 1e9, pick(0, 500, 1e9)],
      ];
    }
    case "settle": {
      const decision = pick("keep", "renew", "behind");
      return [
        [record],
        [life, pick("life1", "life2"), `epoch${whole(at)}`, whole(5), decision, epoch, channel, "PUBLISH"],
      ];
    }
    case "server":
      return [[`server${whole(40)}`], ["1", `secret ${at}`, "HISTORY_SIZE=100"]];
    case "watch":
      return pick("watched", "few") === "watched"
        ? [["watched"], [channel, "text", "PUBLISH", `${member} ${life}`, 600_000, 100]]
        : [["few"], [channel, "text", "PUBLISH", `${member} ${life}`, 600_000, 5]];
    case "join":
      return [
        ["members", id(member), "count"],
        [member, `{"at":${at}}`, 600_000, "all", "PUBLISH", "alive:"],
      ];
    case "beat":
      return [
        ["members", id(member)],
        [member, `1 {"at":${at}}`, 600_000, "all", "PUBLISH"],
      ];
    case "claim": {
      const holder = `h${whole(3)}`;
      const over = pick<string[]>(["nobody", ""], ["anybody", ""], ["holder", `h${whole(3)}`]);
      return [
        [`claim:${whole(3)}`, id(member), `claims:${member}`],
        [member, holder, ...over, "alive:"],
      ];
    }
    case "release":
      return [[`claim:${whole(3)}`, `claims:${member}`], [`h${whole(3)}`]];
    default:
      return [
        ["members", id(member), `claims:${member}`],
        [member, pick("left", "missed"), "all", "PUBLISH"],
      ];
  }
}

/** The presences of an owner are removed in an order that Redis chooses. */
function inAnyOrder(answer: unknown): unknown {
  const [hasMore, message] = answer as readonly [number, string];
  return [
    hasMore,
    ...message
      .replaceAll(/^left \d+ \d+ /gm, "left ")
      .split("\n")
      .sort(),
  ];
}

/** Keys and arguments as server/presence/redis gives them. */
function presenceCallOf(name: string, { whole, pick, at }: Draw): [keys: string[], args: (string | number)[]] {
  const channel = `p{${whole(1)}}`;
  const owner = `o${whole(2)}.${whole(2)}`;
  const [top, entries, sorted, released] = ["top", "entries", "keys", "released"].map((it) => `${channel}:${it}`);
  const keys = [top ?? "", entries ?? "", sorted ?? "", released ?? ""];
  const life = at % 500 < 450 ? "life1" : pick("life1", "life2");
  switch (name) {
    case "presence apply": {
      const changes = Array.from({ length: 1 + whole(3) }, () => {
        const connection = `c${whole(12)}`;
        const join = [
          "join",
          connection,
          pick("", `c${whole(12)}`),
          pick("0", "1"),
          pick("", "u1", "u2"),
          `${at} {"n":1}`,
          pick("0", "1", "1"),
        ];
        return pick(join, join, ["release", connection], ["leave", connection]);
      });
      const limits = [600_000, pick(3, 1000), pick(8e12, 8e12, 8e12, 1000)];
      const settings = [life, `epoch${at}`, owner, `${channel}:of:`, channel, "PUBLISH", ...limits];
      return [
        [...keys, `${channel}:of:${owner}`],
        [...settings, ...changes.flat()],
      ];
    }
    case "presence remove":
      return [
        [...keys, `${channel}:of:${owner}`],
        [life, `epoch${at}`, owner, channel, "PUBLISH", 600_000, 1000],
      ];
    case "presence read":
      return [keys.slice(0, 3), [pick("-", "(u1\0ÿ", `(u1\0c${whole(12)}\0ÿ`), whole(5)]];
    default: {
      const alive = pick(`alive:${owner}`, "alive:nobody");
      return [
        ["owners", alive, "life", "rebuilding"],
        [owner, 600_000, pick("0", "1"), "alive:", 600_000, `claim${at}:`, 600_000],
      ];
    }
  }
}

/** Keys and arguments as server/schedule/redis gives them. */
function scheduleCallOf(name: string, { whole, pick, at }: Draw): [keys: string[], args: (string | number)[]] {
  const id = () => `job:${whole(9)}`;
  switch (name) {
    case "schedule lease":
      return [
        ["lease", "counters"],
        [`s${whole(2)}`, pick("take", "take", "offer", "release"), 600_000, "schedules", "PUBLISH"],
      ];
    case "schedule read": {
      const asked = pick<(string | number)[]>(
        ["id", id(), id()],
        ["name", pick("-", `(${id()}`, "[job:"), pick("+", "[job:\u00ff"), whole(5)],
        ["due", whole(at), whole(5)],
      );
      return [
        ["records", "due", "names"],
        [pick(30, 1e6), ...asked],
      ];
    }
    default: {
      const writes = Array.from({ length: 1 + whole(2) }, () => [
        ...[id(), pick("0", String(whole(at)), String(whole(9))), 200 + whole(9)],
        ...[pick("set", "set", "delete"), pick("-", String(whole(at))), `text ${at}`],
      ]);
      return [
        ["records", "due", "names", "counters", "lease"],
        [pick("", "", String(whole(9))), pick(5, 100), pick(1000, 1e6), "schedules", "PUBLISH", ...writes.flat()],
      ];
    }
  }
}

/** Redis lists the members of a set in no order; an item of an answer may be such a list. */
function inOrder(answer: unknown): unknown {
  if (!Array.isArray(answer)) return answer;
  const isOwner = (it: unknown) => typeof it === "string" && /^o\d\.\d$/.test(it);
  return answer.map((it) => (Array.isArray(it) && it.every(isOwner) ? it.toSorted() : it));
}

/** @returns performs a command */
function makeModel(): (command: readonly string[]) => Answer {
  const timeline = new Timeline();
  const process = new Process(timeline, "redis", 0, new Dice(seed, "redis"));
  const model = new ModelRedis(process);
  const wire = new Wire(process, process, { delayMs: [0, 0], heldUntil: 0 }, process.dice);
  const peer: Peer = { wire, topics: new Set(), isDeaf: false, blockedUntil: 0, receive: () => undefined };
  return (command) => {
    timeline.runUntil(timeline.now + 1);
    return model.perform(peer, command);
  };
}
