import { afterEach, describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import {
  type Arrival,
  noEpoch,
  type PresenceChange,
  type PresenceEvent,
  type PresencePage,
  type PresencePosition,
  type PresenceStore,
} from "../../server/presence/presence-store.ts";
import { eventually, until } from "../waiting.ts";

/** The stores of one server, controlled by the test. */
export interface PresenceUnderTest {
  /** A worker's store that has not started. */
  make(): PresenceStore;
  /** Ends a worker of a world whose workers die as `kill -9` does, and returns once the others can have noticed. */
  kill(store: PresenceStore): Promise<void>;
  /** Cuts the connections of all workers to the shared store for a short time. The store loses nothing. */
  cut(): Promise<void>;
  /** Empties the shared store. */
  lose(): Promise<void>;
  close(): Promise<void>;
}

const room = "room:1" as ChannelName;
const everything = { after: "", limit: 1000 };

export interface PresenceWorld {
  /**
   * Whether the test kills a worker and waits until the others notice. In other worlds no worker may be missed, however
   * busy the machine is.
   */
  readonly workersDie: boolean;
}

export interface PresenceConformance {
  readonly name: string;
  /** How many workers a server can have. */
  readonly workers: "one" | "many";
  make(world: PresenceWorld): Promise<PresenceUnderTest>;
}

/** The contract of every PresenceStore. */
export function presenceConformance({ name, workers, make }: PresenceConformance): void {
  describe(name, () => {
    const opened: PresenceUnderTest[] = [];
    afterEach(async () => {
      for (const it of opened.splice(0)) await it.close();
    });

    async function world(count: number, { workersDie }: PresenceWorld = { workersDie: false }) {
      const stores = await make({ workersDie });
      opened.push(stores);
      const all: RecordingWorker[] = [];
      for (let at = 0; at < count; at++) all.push(await RecordingWorker.start(stores.make()));
      const [first, ...others] = all;
      if (first === undefined) throw new Error("at least one");
      return { stores, first, others, last: all.at(-1) ?? first };
    }
    /** The first worker and another one, or the first one twice for a store that has only one. */
    const two = () => world(workers === "one" ? 1 : 2);

    test("nobody is in a channel that nobody has joined", async () => {
      const { first } = await two();
      expect(await first.store.watch(room)).toEqual({ epoch: noEpoch, position: 0 });
      const empty = { epoch: noEpoch, position: 0, count: 0, presences: [], hasMore: false };
      expect(await first.store.read(room, everything)).toEqual(empty);
    });

    test("a connection that joined is read on every worker, with all that was given", async () => {
      const { first, last } = await two();
      const arrival = arrivalOf("c1", { userId: "alice", info: '{"name":"Älice"}', since: 1_790_000_000_123 });
      await first.apply([join(arrival)]);
      await first.apply([join(arrivalOf("c2", { userId: undefined }))]);
      const page = await last.store.read(room, everything);
      expect(page).toMatchObject({ count: 2, position: 2, hasMore: false });
      expect(page.presences).toEqual([
        { id: "c2", userId: undefined, info: undefined, since: 1000 },
        { id: "c1", userId: "alice", info: '{"name":"Älice"}', since: 1_790_000_000_123 },
      ]);
    });

    test("workers that watch are told of joins and leaves, with positions that grow by one", async () => {
      const { first, last } = await two();
      for (const it of new Set([first, last])) await it.store.watch(room);
      await first.apply([join(arrivalOf("c1")), join(arrivalOf("c2"))]);
      await last.apply([join(arrivalOf("c3"))]);
      await first.apply([leave("c1")]);
      for (const it of [first, last]) {
        await it.untilPosition(4);
        expect(it.told).toEqual(["1 joined c1: 1", "2 joined c2: 2", "3 joined c3: 3", "4 left c1: 2"]);
      }
      expect((await last.store.read(room, everything)).position).toBe(4);
    });

    test("an event says who it is about", async () => {
      const { first, last } = await two();
      await last.store.watch(room);
      const info = JSON.stringify({ name: "Älice \n \u0000 x".repeat(20) });
      const alice = { userId: "älice b/c", info, since: 1_790_000_000_123 };
      await first.apply([join(arrivalOf("c1", alice)), join(arrivalOf("c2"))]);
      await first.apply([leave("c1"), leave("c2")]);
      await last.untilPosition(4);
      const about = { id: "c1", ...alice };
      const nobody = { id: "c2", userId: undefined, info: undefined, since: 1000 };
      expect(last.events.map(({ presence }) => presence)).toEqual([about, nobody, about, nobody]);
      for (const { at } of last.events) expect(at).toBeGreaterThan(1_700_000_000_000);
    });

    test("watching returns the position from which the events follow, even when repeated later", async () => {
      const { first, last } = await two();
      await first.apply([join(arrivalOf("c1")), join(arrivalOf("c2"))]);
      const start = await last.store.watch(room);
      expect(start).toMatchObject({ position: 2, epoch: (await first.store.read(room, everything)).epoch });
      await first.apply([leave("c2")]);
      await last.untilPosition(3);
      expect(last.told).toEqual(["3 left c2: 1"]);
      expect(await last.store.watch(room)).toEqual({ ...start, position: 3 });
    });

    test("a channel that is no longer watched reports no events", async () => {
      const { first, last } = await two();
      await last.store.watch(room);
      await first.apply([join(arrivalOf("c1"))]);
      await last.untilPosition(1);
      last.store.unwatch(room);
      const other = "room:2" as ChannelName;
      await last.store.watch(other);
      await first.apply([join(arrivalOf("c2"))]);
      await first.store.apply(other, [join(arrivalOf("c3"))], 1000);
      await until(() => last.told.length >= 2, "the other channel's event has arrived");
      expect(last.told).toEqual(["1 joined c1: 1", "1 joined c3: 1"]);
    });

    test("the same change twice is one", async () => {
      const { first } = await two();
      await first.store.watch(room);
      for (let times = 0; times < 2; times++) await first.apply([join(arrivalOf("c1")), join(arrivalOf("c2"))]);
      for (let times = 0; times < 2; times++) await first.apply([leave("c1"), release("c2"), leave("c9")]);
      await first.untilPosition(3);
      expect(first.told).toEqual(["1 joined c1: 1", "2 joined c2: 2", "3 left c1: 1"]);
    });

    test("a connection that continues another one takes over its presence, without events", async () => {
      const { first, last } = await two();
      await first.store.watch(room);
      await first.apply([join(arrivalOf("c1", { userId: "alice", since: 1 }))]);
      await last.apply([join(arrivalOf("c2", { userId: "alice", over: "c1", since: 2 }))]);
      await first.apply([release("c1"), leave("c1")]);
      await first.apply([join(arrivalOf("c3", { userId: "alice", over: "c2", since: 3 }))]);
      await last.apply([release("c2"), leave("c2")]);
      const { presences, position } = await last.store.read(room, everything);
      expect(presences).toMatchObject([{ id: "c1", userId: "alice", since: 1 }]);
      expect(position).toBe(1);
      await first.apply([leave("c3")]);
      await first.untilPosition(2);
      expect(first.told).toEqual(["1 joined c1: 1", "2 left c1: 0"]);
    });

    test("a presence is not taken over by another user, nor twice", async () => {
      const { first } = await two();
      await first.store.watch(room);
      await first.apply([join(arrivalOf("c1", { userId: "alice" }))]);
      await first.apply([join(arrivalOf("c2", { userId: "mallory", over: "c1" }))]);
      await first.apply([join(arrivalOf("c3", { userId: "alice", over: "c1" }))]);
      await first.apply([join(arrivalOf("c4", { userId: "alice", over: "c1" }))]);
      await first.untilPosition(3);
      expect(first.told).toEqual(["1 joined c1: 1", "2 joined c2: 2", "3 joined c4: 3"]);
    });

    test("a connection whose presence was taken over can join again next to it", async () => {
      const { first } = await two();
      await first.apply([join(arrivalOf("c1", { userId: "a" })), join(arrivalOf("c2", { userId: "a", over: "c1" }))]);
      await first.apply([join(arrivalOf("c1", { userId: "a" }))]);
      const { presences } = await first.store.read(room, everything);
      expect(new Set(presences.map(({ id }) => id)).size).toBe(2);
      await first.apply([leave("c1"), leave("c2")]);
      expect(await first.store.read(room, everything)).toMatchObject({ count: 0, presences: [] });
    });

    test("a released presence goes to the next connection of its user, and remains until it leaves", async () => {
      const { first, last } = await two();
      await first.store.watch(room);
      await first.apply([join(arrivalOf("c1", { userId: "alice" })), join(arrivalOf("c2", { userId: "bob" }))]);
      await first.apply([release("c1"), release("c2")]);
      expect(await last.store.read(room, everything)).toMatchObject({ count: 2, position: 2 });
      await last.apply([join(arrivalOf("c3", { userId: "alice" }))]);
      await first.apply([leave("c1"), leave("c2")]);
      await last.apply([join(arrivalOf("c4", { userId: "bob" }))]);
      await first.untilPosition(4);
      expect(first.told).toEqual(["1 joined c1: 1", "2 joined c2: 2", "3 left c2: 1", "4 joined c4: 2"]);
    });

    test("a released presence that has left does not hide another one of its user", async () => {
      const { first } = await two();
      const alice = (holder: string) => join(arrivalOf(holder, { userId: "alice" }));
      await first.apply([alice("c1"), alice("c2"), release("c1"), release("c2"), leave("c1")]);
      await first.apply([alice("c3")]);
      expect(await first.store.read(room, everything)).toMatchObject({ position: 3, presences: [{ id: "c2" }] });
    });

    test("without a user, a released presence goes only to a connection that resumes", async () => {
      const { first } = await two();
      await first.store.watch(room);
      await first.apply([join(arrivalOf("c1")), join(arrivalOf("c2")), release("c1")]);
      await first.apply([join(arrivalOf("c3"))]);
      await first.apply([join(arrivalOf("c4", { resumes: true }))]);
      await first.apply([join(arrivalOf("c5", { resumes: true }))]);
      await first.untilPosition(4);
      expect(first.told).toEqual(["1 joined c1: 1", "2 joined c2: 2", "3 joined c3: 3", "4 joined c5: 4"]);
    });

    test("a presence that was given back belongs to the first connection again", async () => {
      const { first, last } = await two();
      await first.apply([join(arrivalOf("c1", { userId: "alice" }))]);
      await last.apply([join(arrivalOf("c2", { userId: "alice", over: "c1" })), release("c2")]);
      await first.apply([join(arrivalOf("c1", { userId: "alice", over: "c2" }))]);
      await last.apply([leave("c2")]);
      const page = await first.store.read(room, everything);
      expect(page).toMatchObject({ count: 1, position: 1, presences: [{ id: "c1" }] });
    });

    test("pages list every presence once, sorted by user and connection", async () => {
      const { first, last } = await two();
      const users = [undefined, "b", "a", "é", "b", undefined, "a/b", "a b"];
      await first.apply(users.map((userId, at) => join(arrivalOf(`c${at}`, { userId }))));
      const seen: string[] = [];
      let page: PresencePage | undefined;
      for (let after = ""; page?.hasMore !== false; after = keyText(page)) {
        page = await last.store.read(room, { after, limit: 3 });
        expect(page.count).toBe(users.length);
        seen.push(...page.presences.map(({ userId = "-", id }) => `${userId} ${id}`));
      }
      expect(seen).toEqual(["- c0", "- c5", "a c2", "a b c7", "a/b c6", "b c1", "b c4", "é c3"]);
      expect((await first.store.read(room, { after: "", limit: 0 })).count).toBe(users.length);
      expect((await first.store.read(room, { after: "", limit: users.length })).hasMore).toBe(false);
    });

    test("a channel has as many presences as its size, and says which connections are beyond it", async () => {
      const { first, last } = await two();
      await first.store.watch(room);
      const joined = ["c1", "c2", "c3", "c4"].map((id) => join(arrivalOf(id, { userId: `u${id}` })));
      expect(await first.apply(joined.slice(0, 3), 3)).toEqual([]); // at the limit
      expect(await last.apply(joined.slice(3), 3)).toEqual(["c4"]); // one past it
      expect(await last.store.read(room, everything)).toMatchObject({ count: 3, position: 3 });
      await last.apply([release("c4"), leave("c4"), leave("c9")], 3);
      await first.apply([leave("c2")], 3);
      expect(await last.apply(joined.slice(3), 3)).toEqual([]);
      await first.untilPosition(5);
      const told = ["1 joined c1: 1", "2 joined c2: 2", "3 joined c3: 3", "4 left c2: 2", "5 joined c4: 3"];
      expect(first.told).toEqual(told);
    });

    test("a full channel refuses only some of the changes of one call", async () => {
      const { first } = await two();
      const four = ["c1", "c2", "c3", "c4"].map((id) => join(arrivalOf(id)));
      const changes = [...four, leave("c1"), join(arrivalOf("c5")), join(arrivalOf("c6"))];
      expect(await first.apply(changes, 2)).toEqual(["c3", "c4", "c6"]);
      const { presences } = await first.store.read(room, everything);
      expect(presences.map(({ id }) => id)).toEqual(["c2", "c5"]);
    });

    test("a connection takes over a presence in a full channel, and one that is listed stays so", async () => {
      const { first, last } = await two();
      await first.apply([join(arrivalOf("c1", { userId: "alice" })), join(arrivalOf("c2", { userId: "bob" }))], 2);
      expect(await last.apply([join(arrivalOf("c3", { userId: "alice", over: "c1" }))], 2)).toEqual([]);
      await first.apply([release("c2")], 2);
      expect(await last.apply([join(arrivalOf("c4", { userId: "bob" }))], 2)).toEqual([]);
      expect(await last.apply([join(arrivalOf("c4", { userId: "bob" }))], 1)).toEqual([]); // for example after the setting was lowered
      expect(await last.store.read(room, everything)).toMatchObject({ count: 2, position: 2 });
    });

    test("a connection without a place is not listed, but takes over presences and stays listed", async () => {
      const { first, last } = await two();
      await first.apply([join(arrivalOf("c1", { userId: "alice" })), join(arrivalOf("c2", { userId: "bob" }))]);
      const late = ["c3", "c4"].map((id) => joinWithoutPlace(arrivalOf(id, { userId: `u${id}` })));
      expect(await last.apply([...late, join(arrivalOf("c5"))])).toEqual(["c3", "c4"]);
      expect(await last.apply([joinWithoutPlace(arrivalOf("c6", { userId: "alice", over: "c1" }))])).toEqual([]);
      await first.apply([release("c2")]);
      expect(await last.apply([joinWithoutPlace(arrivalOf("c7", { userId: "bob" }))])).toEqual([]);
      expect(await last.apply([joinWithoutPlace(arrivalOf("c7", { userId: "bob" }))])).toEqual([]);
      expect(await last.store.read(room, everything)).toMatchObject({ count: 3, position: 3 });
    });

    test("thousands join and leave at once", async () => {
      const { first, last } = await two();
      await last.store.watch(room);
      const ids = Array.from({ length: 3000 }, (_, at) => `c${at}`);
      for (let at = 0; at < ids.length; at += 200) {
        await first.apply(ids.slice(at, at + 200).map((id) => join(arrivalOf(id, { userId: `u${id}` }))));
      }
      expect((await last.store.read(room, everything)).count).toBe(3000);
      for (let at = 0; at < ids.length; at += 200) await first.apply(ids.slice(at, at + 200).map(leave));
      await last.untilPosition(6000);
      expect(last.events.map(({ position }) => position)).toEqual(Array.from({ length: 6000 }, (_, at) => at + 1));
      expect((await last.store.read(room, everything)).count).toBe(0);
    });

    test("positions continue in a channel that was empty for a while", async () => {
      const { first } = await two();
      await first.apply([join(arrivalOf("c1")), leave("c1")]);
      const before = await first.store.read(room, everything);
      await first.apply([join(arrivalOf("c2"))]);
      expect(await first.store.read(room, everything)).toMatchObject({ epoch: before.epoch, position: 3, count: 1 });
    });

    test("an event is reported to the worker that caused it, no matter who watches, and a change without effect causes no event", async () => {
      const { first, last } = await two();
      await last.store.watch(room);
      await first.apply([join(arrivalOf("c1", { userId: "u" })), release("c1")]);
      await last.apply([join(arrivalOf("c2", { userId: "u" }))]);
      await last.apply([leave("c1"), leave("c2")]);
      await until(() => last.caused.includes("room:1: 2 left c1"), "the worker was told");
      const all = [...new Set([first, last])].flatMap(({ caused }) => caused);
      expect(all).toEqual(["room:1: 1 joined c1", "room:1: 2 left c1"]);
    });

    if (workers === "one") return;

    test("presences of a dead worker are reported as caused by one of the others", async () => {
      const { stores, first, others } = await world(3, { workersDie: true });
      const [second, third] = others;
      if (second === undefined || third === undefined) throw new Error("three were made");
      await third.apply([join(arrivalOf("c1")), join(arrivalOf("c2"))]);
      await stores.kill(third.store);
      await eventually(async () => expect((await first.store.read(room, everything)).count).toBe(0));
      const caused = () => [...first.caused, ...second.caused].map((it) => it.slice(-"left c1".length)).sort();
      await until(() => caused().length >= 2, "both were reported");
      expect(caused()).toEqual(["left c1", "left c2"]);
    });

    test("the presences of a dead worker are removed, and each left is announced once", async () => {
      const { stores, first, others } = await world(3, { workersDie: true });
      const [second, third] = others;
      if (second === undefined || third === undefined) throw new Error("three were made");
      const other = "room:2" as ChannelName;
      for (const it of [first, second]) await it.store.watch(room);
      await first.apply([join(arrivalOf("a1"))]);
      await third.apply([join(arrivalOf("c1")), join(arrivalOf("c2")), join(arrivalOf("c3", { userId: "u" }))]);
      await third.store.apply(other, [join(arrivalOf("c4"))], 1000);
      await second.apply([join(arrivalOf("b1", { userId: "u", over: "c3" }))]);
      await stores.kill(third.store);
      for (const it of [first, second]) {
        await it.untilPosition(6);
        expect(it.told.slice(0, 4)).toEqual(["1 joined a1: 1", "2 joined c1: 2", "3 joined c2: 3", "4 joined c3: 4"]);
        expect(new Set(it.events.slice(4).map(({ kind, presence }) => `${kind} ${presence.id}`))).toEqual(
          new Set(["left c1", "left c2"]),
        );
      }
      expect((await first.store.read(room, everything)).presences.map(({ id }) => id).sort()).toEqual(["a1", "c3"]);
      await eventually(async () => expect((await first.store.read(other, everything)).count).toBe(0));
    });

    test("a released presence of a dead worker does not hide another one of its user", async () => {
      const { stores, first, last } = await world(2, { workersDie: true });
      const alice = (holder: string) => join(arrivalOf(holder, { userId: "alice" }));
      await last.apply([alice("c1"), release("c1")]);
      await first.apply([join(arrivalOf("c2", { userId: "bob" }))]);
      await stores.kill(last.store);
      await eventually(async () => expect((await first.store.read(room, everything)).count).toBe(1));
      await first.apply([alice("c3"), release("c3")]);
      await first.apply([alice("c4")]);
      const { presences } = await first.store.read(room, everything);
      expect(presences.map(({ id }) => id)).toEqual(["c3", "c2"]);
    });

    test("after a break without a loss, the presences are still there", async () => {
      const { stores, first, last } = await two();
      await first.apply([join(arrivalOf("c1")), join(arrivalOf("c2"))]);
      const before = await first.store.read(room, everything);
      await last.store.watch(room);
      await stores.cut();
      await eventually(async () => {
        await last.store.watch(room);
        await first.apply([leave("c1")]);
      });
      await until(() => first.breaks > 0 && last.breaks > 0, "both workers were told of the break");
      await eventually(async () => {
        const page = await last.store.read(room, everything);
        expect(page).toMatchObject({ epoch: before.epoch, position: 3, count: 1 });
      });
    });

    test("after a loss each worker is asked for its presences, and the positions have another epoch", async () => {
      const { stores, first, last } = await two();
      await first.apply([join(arrivalOf("c1", { userId: "alice" }))]);
      await last.apply([join(arrivalOf("c2", { userId: "bob" }))]);
      const before = await first.store.read(room, everything);
      await stores.lose();
      await until(() => first.losses > 0 && last.losses > 0, "both workers are asked for their presences");
      await first.apply([join(arrivalOf("c1", { userId: "alice" }))]);
      await last.apply([join(arrivalOf("c2", { userId: "bob" }))]);
      await eventually(async () => {
        const page: PresencePage & PresencePosition = await last.store.read(room, everything);
        expect(page.presences.map(({ userId }) => userId)).toEqual(["alice", "bob"]);
        expect(page.epoch).not.toBe(before.epoch);
      });
    });

    test("nothing is told while some workers may not have stored their presences again", async () => {
      const { stores, first, last } = await two();
      await first.apply([join(arrivalOf("c1"))]);
      await last.apply([join(arrivalOf("c2"))]);
      await stores.lose();
      const answers: number[] = [];
      const ask = async (it: RecordingWorker) => {
        try {
          answers.push((await it.store.read(room, everything)).count);
        } catch {
          return; // unavailable, which is not a wrong answer
        }
      };
      await until(async () => {
        for (const [it, id] of [
          [first, "c1"],
          [last, "c2"],
        ] as const) {
          if (it.losses > 0) await it.apply([join(arrivalOf(id))]).catch(() => undefined);
          await ask(it);
        }
        return answers.length > 0;
      }, "presence can be told again");
      expect(answers[0]).toBe(2);
    });
  });
}

const join = (arrival: Arrival): PresenceChange => ({ kind: "join", hasPlace: true, ...arrival });
const joinWithoutPlace = (arrival: Arrival): PresenceChange => ({ kind: "join", hasPlace: false, ...arrival });
const release = (holder: string): PresenceChange => ({ kind: "release", holder });
const leave = (holder: string): PresenceChange => ({ kind: "leave", holder });

function arrivalOf(holder: string, more: Partial<Arrival> = {}): Arrival {
  return { holder, over: undefined, resumes: false, userId: undefined, info: undefined, since: 1000, ...more };
}

function keyText({ presences }: PresencePage): string {
  const last = presences.at(-1);
  return last === undefined ? "" : `${last.userId ?? ""}\u0000${last.id}`;
}

/** A worker that records what its store reports. */
class RecordingWorker {
  readonly store: PresenceStore;
  readonly events: PresenceEvent[] = [];
  /** Events that were reported as caused by this worker: `1 joined c1`. */
  readonly caused: string[] = [];
  breaks = 0;
  losses = 0;

  private constructor(store: PresenceStore) {
    this.store = store;
  }

  static async start(store: PresenceStore): Promise<RecordingWorker> {
    const it = new RecordingWorker(store);
    await store.start({
      onEvents: (_, { events }) => void it.events.push(...events),
      onCaused: (channel, { events }) => {
        for (const { position, kind, presence } of events)
          it.caused.push(`${channel}: ${position} ${kind} ${presence.id}`);
      },
      onBreak: () => {
        it.breaks++;
      },
      onLost: () => {
        it.losses++;
      },
    });
    return it;
  }

  get told(): string[] {
    return this.events.map(({ position, kind, presence, count }) => `${position} ${kind} ${presence.id}: ${count}`);
  }

  /** Tries again while the store is unavailable, as a worker does: on a busy machine, a heartbeat may be late. */
  async apply(changes: readonly PresenceChange[], size = 1_000_000): Promise<readonly string[]> {
    let unlisted: readonly string[] = [];
    await eventually(async () => {
      unlisted = await this.store.apply(room, changes, size);
    });
    return unlisted;
  }

  untilPosition(position: number): Promise<void> {
    return until(() => (this.events.at(-1)?.position ?? 0) >= position, `position ${position} has arrived`);
  }
}
