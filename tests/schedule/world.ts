import { ServiceError } from "../../protocol/errors.ts";
import { MovedClock } from "../../server/lib/moved-clock.ts";
import { Records } from "../../server/schedule/memory/records.ts";
import { MemoryScheduleStore } from "../../server/schedule/memory/store.ts";
import type { PublishOccurrence } from "../../server/schedule/occurrence.ts";
import type { Definition } from "../../server/schedule/schedule.ts";
import type {
  LeaseRequest,
  RecordQuery,
  RecordWrite,
  ScheduleStore,
  ScheduleStoreEvents,
} from "../../server/schedule/schedule-store.ts";
import { Scheduler } from "../../server/schedule/scheduler.ts";
import { Schedules } from "../../server/schedule/schedules.ts";
import { turn } from "../waiting.ts";
import { makeDefinition } from "./make-schedule.ts";

/** How long the model of a broker remembers ids. */
export const idWindowMs = 300_000;

/** A stored publication: the id of the occurrence, and the time. */
export interface StoredPublication {
  readonly id: string;
  readonly at: number;
}

/** Several servers with one store and one broker, under a clock that tests move. */
export class ScheduleWorld {
  readonly clock = new MovedClock();
  readonly records: Records;
  readonly stored: StoredPublication[] = [];
  /** The broker refuses publications with "broker-unavailable". */
  isBrokerAway = false;
  /** The store cannot be reached. */
  isStoreAway = false;
  /** Called when something was stored. */
  onStored: () => void = () => undefined;
  readonly #remembered = new Map<string, number>();

  constructor(limits = { maxSchedules: 100_000, scheduleBytes: 128 * 1024 ** 2 }) {
    this.records = new Records({ limits, clock: this.clock });
  }

  async addServer(): Promise<ServerInWorld> {
    const server = new ServerInWorld(this);
    await server.scheduler.start();
    await this.settle();
    return server;
  }

  /** Publishes as a broker with an idempotency window does. */
  publish(id: string): void {
    const now = this.clock.monotonic();
    if (now < (this.#remembered.get(id) ?? 0)) return;
    this.#remembered.set(id, now + idWindowMs);
    this.stored.push({ id, at: this.clock.now() });
    this.onStored();
  }

  /** The times, relative to a start, for which a schedule was published: from the ids, in the order in which it was stored. */
  nominalsOf(scheduleId: string): number[] {
    const own = this.stored.filter(({ id }) => id.startsWith(`${scheduleId}:`));
    return own.map(({ id }) => Date.parse(id.split(":").slice(3).join(":")));
  }

  /** Moves the clock, and lets everything that became due run to its end. */
  async move(ms: number, stepMs = 100): Promise<void> {
    for (let moved = 0; moved < ms; moved += stepMs) {
      this.clock.move(Math.min(stepMs, ms - moved));
      await this.settle();
    }
  }

  /** Lets everything run that needs no time. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 6; turns++) {
      await turn();
      this.clock.move(0);
    }
  }
}

/** One server of the world. */
export class ServerInWorld {
  readonly scheduler: Scheduler;
  readonly schedules: Schedules;
  readonly store: SteerableStore;

  constructor(world: ScheduleWorld) {
    this.store = new SteerableStore(world);
    const publish: PublishOccurrence = async ({ publish: request, id, allowsOwnId }) => {
      if (this.store.hasStopped) return never();
      if (world.isBrokerAway) {
        return { total: 1, remaining: [0], failed: 0, error: { code: "broker-unavailable", message: "away" } };
      }
      const { id: ownId = id } = JSON.parse(request) as { readonly id?: string };
      world.publish(allowsOwnId ? ownId : id);
      return { total: 1, remaining: [], failed: 0, error: null };
    };
    const { clock } = world;
    this.scheduler = new Scheduler({ store: this.store, publish, clock, idWindowMs, random: () => 0.5 });
    this.schedules = new Schedules({ store: this.store, publish, clock });
  }

  /** Creates a schedule. */
  async put(id: string, definition: Partial<Definition> = {}): Promise<void> {
    await this.schedules.put({ id, definition: makeDefinition(definition), origin: "api" });
  }

  /** It stops like a process that is killed: nothing that it has begun continues. */
  kill(): void {
    this.store.hasStopped = true;
  }
}

/** A store that can be made to fail, or to answer late. */
export class SteerableStore implements ScheduleStore {
  readonly isDurable = false;
  hasStopped = false;
  readonly #world: ScheduleWorld;
  readonly #store: MemoryScheduleStore;
  #held: (() => void)[] | undefined;
  #holdsWrites = false;

  constructor(world: ScheduleWorld) {
    this.#world = world;
    this.#store = new MemoryScheduleStore(world.records);
  }

  start(events: ScheduleStoreEvents): Promise<void> {
    return this.#store.start(events);
  }

  /** From the next write on it answers nothing, as if the process were suspended: earlier writes have been applied. */
  holdFromNextWrite(): void {
    this.#holdsWrites = true;
  }

  /** The process continues. */
  async goOn(): Promise<void> {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const release of held) release();
    await this.#world.settle();
  }

  read(query: RecordQuery) {
    return this.#answer(() => this.#store.read(query));
  }

  async write(writes: readonly RecordWrite[], token?: number) {
    if (this.#holdsWrites) {
      this.#holdsWrites = false;
      this.#held = [];
      const outcome = await this.#store.write(writes, token);
      await new Promise<void>((resolve) => this.#held?.push(resolve));
      return outcome;
    }
    return this.#answer(() => this.#store.write(writes, token));
  }

  lease(request: LeaseRequest) {
    return this.#answer(() => this.#store.lease(request));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #answer<T>(ask: () => Promise<T>): Promise<T> {
    if (this.hasStopped) return never();
    if (this.#held !== undefined) await new Promise<void>((resolve) => this.#held?.push(resolve));
    if (this.#world.isStoreAway) throw unavailable();
    return ask();
  }
}

function unavailable(): Error {
  return new ServiceError("broker-unavailable", "away");
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
