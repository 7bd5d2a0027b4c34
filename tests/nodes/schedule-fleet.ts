import { systemClock } from "../../server/lib/clock.ts";
import { RedisScheduleStore } from "../../server/schedule/redis/store.ts";
import { Schedules } from "../../server/schedule/schedules.ts";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { type Frame, SocketUnderTest } from "../e2e/socket.ts";
import { RedisServer } from "../redis/redis.ts";
import { makeDefinition } from "../schedule/make-schedule.ts";
import { startAll } from "../start-all.ts";
import { until } from "../waiting.ts";

const workers = 3;

/** One schedule to be created. */
export interface WantedSchedule {
  readonly id: string;
  /** It publishes its id into this channel. */
  readonly channel: string;
  readonly at: number;
}

/** The publications of a schedule. */
export interface FiredSchedule {
  readonly id: string;
  /** Milliseconds after its time, by the clock of Redis. */
  readonly lateMs: number;
}

/** Two nodes of three workers on one Redis, which schedules publish into one channel. Use it with `await using`. */
export class ScheduleFleet implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly nodes: readonly ServerUnderTest[];
  #asked: ServerUnderTest | undefined;

  private constructor(redis: RedisServer, nodes: readonly ServerUnderTest[]) {
    this.redis = redis;
    this.nodes = nodes;
  }

  /** @param env settings of both nodes */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<ScheduleFleet> {
    const redis = await RedisServer.start({ appendonly: "yes", appendfsync: "always" });
    const start = () =>
      startServer({
        env: {
          REDIS_URL: redis.url,
          HISTORY_SIZE: "100000",
          HISTORY_BYTES: "256MiB",
          HISTORY_BYTES_TOTAL: "1GiB",
          ...env,
        },
        flags: ["--workers", String(workers)],
      });
    try {
      return new ScheduleFleet(redis, await startAll([start(), start()]));
    } catch (error) {
      await redis.close();
      throw error;
    }
  }

  get one(): ServerUnderTest {
    const [one] = this.nodes;
    if (one === undefined) throw new Error("there is no node");
    return this.#asked ?? one;
  }

  /** From now on only the other node is asked: a process that is stopped answers nothing. */
  async avoidNodeOf(pid: number): Promise<void> {
    const stat = await Bun.file(`/proc/${pid}/stat`).text();
    const parent = Number(/^\d+ \(.*\) \S (\d+)/.exec(stat)?.[1]);
    this.#asked = this.nodes.find((node) => node.pid !== parent);
  }

  /** Creates schedules, in Redis itself: requests over HTTP would take longer. */
  async schedule(wanted: readonly WantedSchedule[]): Promise<void> {
    const limits = { maxSchedules: 100_000, scheduleBytes: 128 * 1024 ** 2 };
    const store = new RedisScheduleStore({
      address: this.redis.address,
      prefix: "fanfare",
      limits,
      clock: systemClock,
    });
    await store.start({ onDue: () => undefined, onFree: () => undefined });
    const publish = () => Promise.reject(new Error("a test triggers nothing"));
    const schedules = new Schedules({ store, publish, clock: systemClock });
    const queue = [...wanted];
    const work = async () => {
      for (let it = queue.pop(); it !== undefined; it = queue.pop()) {
        const timing = { kind: "at", at: it.at } as const;
        const definition = makeDefinition({ publish: JSON.stringify({ channel: it.channel, data: it.id }), timing });
        await schedules.put({ id: it.id, definition, origin: "api" });
      }
    };
    await Promise.all(Array.from({ length: 100 }, work));
    await store.close();
  }

  /** The process that has the lease, by its name in Redis; undefined if nobody has it. */
  async holder(): Promise<number | undefined> {
    const name = (await this.redis.command("HGET", "fanfare/{schedules}:lease", "holder")) as string | null;
    const pid = /:(\d+) /.exec(name ?? "")?.[1];
    return pid === undefined ? undefined : Number(pid);
  }

  /** A client that receives what schedules publish. */
  subscribe(channel: string): Promise<SocketUnderTest> {
    return SocketUnderTest.open(`${this.one.wsUrl}?channel=${channel}`);
  }

  /** Everything in the channel, in its order, read from the history. */
  async fired(channel: string): Promise<readonly FiredSchedule[]> {
    const fired: FiredSchedule[] = [];
    let since = "earliest";
    for (;;) {
      const path = `/v1/channels/${channel}/history?limit=1000&since=${encodeURIComponent(since)}`;
      const { messages, epoch } = (await (await this.one.request("GET", path)).json()) as Frame;
      const list = messages as Frame[];
      fired.push(...list.map(toFired));
      const last = list.at(-1);
      if (last === undefined) return fired;
      since = `${channel}~${epoch}~${last.offset}`;
    }
  }

  /** Waits until this many were published. */
  async untilFired(channel: string, count: number, timeoutMs?: number): Promise<void> {
    // The list of channels has only those that somebody listens to.
    const top = async () => {
      const response = await this.one.request("GET", `/v1/channels/${channel}/history?limit=1`);
      return response.ok ? Number(((await response.json()) as Frame).offset) : 0;
    };
    await until(async () => (await top()) >= count, `${count} schedules have fired`, timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.redis.close();
  }
}

function toFired({ id, data, timestamp }: Frame): FiredSchedule {
  // nightly:9fK2:3:2026-11-29T09:00:00.000Z
  const nominal = Date.parse(/\d{4}-\d\d-\d\dT[\d:.]+Z$/.exec(String(id))?.[0] ?? "");
  return { id: String(data), lateMs: Date.parse(String(timestamp)) - nominal };
}

/** `p50 4 ms, p99 31 ms, max 40 ms` */
export function lateness(fired: readonly FiredSchedule[]): string {
  const sorted = fired.map(({ lateMs }) => lateMs).toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return `${fired.length} fired, late by p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, at most ${sorted.at(-1) ?? 0} ms`;
}
