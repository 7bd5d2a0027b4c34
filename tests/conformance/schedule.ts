import { afterEach, describe, expect, test } from "bun:test";
import type { RecordPage, ScheduleStore, StoreLimits, WriteOutcome } from "../../server/schedule/schedule-store.ts";
import { until } from "../waiting.ts";

/** Where stores of one server are opened. */
export interface ScheduleStoresUnderTest extends AsyncDisposable {
  /** Another store over the same records, not started yet: that of another process, where there are several. */
  open(): ScheduleStore | Promise<ScheduleStore>;
  /** The answer that every store gives. */
  readonly isDurable: boolean;
  /** Lets as much time pass as a lease lasts, and a little more. */
  passLease(): Promise<void>;
}

/** The contract of every schedule store. */
export function scheduleStoreConformance(
  name: string,
  make: (limits: StoreLimits) => Promise<ScheduleStoresUnderTest>,
): void {
  describe(`${name} keeps the ScheduleStore contract:`, () => {
    const worlds: ScheduleStoresUnderTest[] = [];
    const opened: ListeningStore[] = [];

    async function world(limits: Partial<StoreLimits> = {}) {
      const made = await make({ maxSchedules: 10_000, scheduleBytes: 64 * 1024 ** 2, ...limits });
      worlds.push(made);
      return made;
    }

    async function openIn(stores: ScheduleStoresUnderTest): Promise<ListeningStore> {
      const store = await ListeningStore.open(stores);
      opened.push(store);
      return store;
    }

    async function open(limits?: Partial<StoreLimits>): Promise<ListeningStore> {
      return openIn(await world(limits));
    }

    afterEach(async () => {
      for (const { store } of opened.splice(0)) await store.close();
      for (const it of worlds.splice(0)) await it[Symbol.asyncDispose]();
    });

    test("one store reads the records of another, byte for byte", async () => {
      const stores = await world();
      const [one, two] = [await openIn(stores), await openIn(stores)];
      const text = '{"a":"ä🎉\\u0000 \\ud83d","b":"line\\nbreak\\u2028","n":9007199254740993}';
      const version = await one.create("a", text, 1_790_000_000_123);
      expect(await two.byIds("a", "b")).toEqual([{ id: "a", version, dueAt: 1_790_000_000_123, text }]);
      expect([one.store.isDurable, two.store.isDurable]).toEqual([stores.isDurable, stores.isDurable]);
    });

    test("a write that expects another version changes nothing", async () => {
      const it = await open();
      const first = await it.create("a", "1");
      expect(await it.write("a", 0, "again")).toEqual({ outcome: "conflict" });
      expect(await it.write("b", first, "new")).toEqual({ outcome: "conflict" });
      const second = await it.write("a", first, "2");
      expect(second).toMatchObject({ outcome: "written" });
      expect(await it.write("a", first, "3")).toEqual({ outcome: "conflict" });
      expect((await it.byIds("a", "b")).map(({ text }) => text)).toEqual(["2"]);
    });

    test("of many writers that expect the same version, one succeeds", async () => {
      const stores = await world();
      const writers = await Promise.all([openIn(stores), openIn(stores), openIn(stores)]);
      const results = await Promise.all(writers.flatMap((it) => [it.write("a", 0, "x"), it.write("a", 0, "y")]));
      expect(results.filter(({ outcome }) => outcome === "written")).toHaveLength(1);
    });

    test("a record that was deleted and made again has a version that it never had", async () => {
      const it = await open();
      const first = await it.create("a", "1");
      expect(await it.remove("a", first + 1_000_000)).toEqual({ outcome: "conflict" });
      expect((await it.remove("a", first)).outcome).toBe("written");
      expect(await it.byIds("a")).toEqual([]);
      const second = await it.create("a", "1");
      expect(second).not.toBe(first);
      expect(await it.write("a", first, "2")).toEqual({ outcome: "conflict" });
    });

    test("the writes of one call are applied in order, and each can fail without the others", async () => {
      const it = await open();
      const outcomes = await it.store.write([
        { id: "a", expected: 0, record: { dueAt: null, text: "1" } },
        { id: "b", expected: 77, record: { dueAt: null, text: "2" } },
        { id: "c", expected: 0, record: { dueAt: 5, text: "3" } },
        { id: "c", expected: 0, record: { dueAt: 6, text: "4" } },
      ]);
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(["written", "conflict", "written", "conflict"]);
      expect((await it.byIds("a", "b", "c")).map(({ id, text }) => [id, text])).toEqual([
        ["a", "1"],
        ["c", "3"],
      ]);
    });

    test("due records come earliest first, and the next due time with them", async () => {
      const it = await open();
      await it.create("c", "1", 3000);
      await it.create("a", "1", 1000);
      await it.create("b", "1", 2000);
      await it.create("never", "1", null);
      const ids = ({ records, nextDueAt }: RecordPage) => [records.map(({ id }) => id).join(), nextDueAt];
      expect(ids(await it.due(999))).toEqual(["", 1000]);
      expect(ids(await it.due(2000))).toEqual(["a,b", 3000]);
      expect(ids(await it.due(9000))).toEqual(["a,b,c", null]);
      expect(ids(await it.due(9000, 2))).toEqual(["a,b", 3000]);
    });

    test("a record is due only at the time of its last version", async () => {
      const it = await open();
      const first = await it.create("a", "1", 1000);
      const second = await it.write("a", first, "2", 5000);
      expect([(await it.due(4999)).records.length, (await it.due(5000)).records.length]).toEqual([0, 1]);
      if (second.outcome !== "written") throw new Error("it was not written");
      const third = await it.write("a", second.version, "3", null);
      expect(await it.due(9_999_999)).toEqual({ records: [], nextDueAt: null });
      if (third.outcome !== "written") throw new Error("it was not written");
      await it.write("a", third.version, "4", 1000);
      expect((await it.due(1000)).records.map(({ text }) => text)).toEqual(["4"]);
      await it.remove("a", (await it.byIds("a"))[0]?.version ?? 0);
      expect(await it.due(9_999_999)).toEqual({ records: [], nextDueAt: null });
    });

    test("records are listed by name, with a prefix, page by page", async () => {
      const it = await open();
      for (const id of ["b:2", "a:1", "b:1", "c", "b:10", "B:1", "b"]) await it.create(id, "1");
      expect(await it.names("", "", 100)).toEqual(["B:1", "a:1", "b", "b:1", "b:10", "b:2", "c"]);
      expect(await it.names("b:", "", 2)).toEqual(["b:1", "b:10"]);
      expect(await it.names("b:", "b:10", 2)).toEqual(["b:2"]);
      expect(await it.names("", "b", 2)).toEqual(["b:1", "b:10"]);
      expect(await it.names("b", "b", 2)).toEqual(["b:1", "b:10"]);
      expect(await it.names("x", "", 2)).toEqual([]);
      expect(await it.names("b:", "c", 2)).toEqual([]);
    });

    test("an answer is cut by its size, and has one record at least", async () => {
      const it = await open();
      const text = "x".repeat(700_000);
      for (const id of ["a", "b", "c"]) await it.create(id, text, 1000);
      expect(await it.names("", "", 10)).toEqual(["a"]);
      expect(await it.names("", "a", 10)).toEqual(["b"]);
      const { records, nextDueAt } = await it.due(1000);
      expect([records.map(({ id }) => id), nextDueAt]).toEqual([["a"], 1000]);
    });

    test("one record more than the limit is refused, an existing one can be changed, and a deleted one no longer counts", async () => {
      const it = await open({ maxSchedules: 2 });
      const first = await it.create("a", "1");
      await it.create("b", "1");
      expect(await it.write("c", 0, "1")).toEqual({ outcome: "full", limit: "count" });
      expect((await it.write("a", first, "2")).outcome).toBe("written");
      await it.remove("b", (await it.byIds("b"))[0]?.version ?? 0);
      expect((await it.write("c", 0, "1")).outcome).toBe("written");
    });

    test("more bytes than the limit are refused, but not writes of the lease holder", async () => {
      const it = await open({ scheduleBytes: 64 * 1024 });
      const version = await it.create("a", "x".repeat(40_000));
      expect(await it.write("b", 0, "x".repeat(40_000))).toEqual({ outcome: "full", limit: "bytes" });
      expect(await it.write("a", version, "x".repeat(70_000))).toEqual({ outcome: "full", limit: "bytes" });
      const { token = 0 } = await it.store.lease({ holder: "h", wish: "take" });
      const write = { id: "a", expected: version, record: { dueAt: null, text: "x".repeat(70_000) } };
      expect((await it.store.write([write], token))[0]?.outcome).toBe("written");
      const [current] = await it.byIds("a");
      expect((await it.write("a", current?.version ?? 0, "x")).outcome).toBe("written");
      expect((await it.write("b", 0, "x".repeat(40_000))).outcome).toBe("written");
    });

    test("one holder has the lease, keeps its token, and others are told how long it lasts", async () => {
      const stores = await world();
      const [one, two] = [await openIn(stores), await openIn(stores)];
      const first = await one.lease("one", "take");
      expect(first.token).toBeGreaterThan(0);
      const refused = await two.lease("two", "take");
      expect([refused.token, refused.expiresInMs > 0]).toEqual([undefined, true]);
      expect((await one.lease("one", "take")).token).toBe(first.token);
    });

    test("a released lease is free at once, its next token is larger, and others hear of it", async () => {
      const stores = await world();
      const [one, two] = [await openIn(stores), await openIn(stores)];
      const first = await one.lease("one", "take");
      await two.lease("two", "take");
      const heard = two.frees;
      await one.lease("one", "release");
      await until(() => two.frees > heard, "the other store hears of it");
      const second = await two.lease("two", "take");
      expect(second.token).toBeGreaterThan(first.token ?? 0);
      await one.lease("one", "release");
      expect((await two.lease("two", "take")).token).toBe(second.token);
    });

    test("a lease that is not renewed expires, and others hear of it or know when", async () => {
      const stores = await world();
      const [one, two] = [await openIn(stores), await openIn(stores)];
      const first = await one.lease("one", "take");
      await stores.passLease();
      const second = await two.lease("two", "take");
      expect(second.token).toBeGreaterThan(first.token ?? 0);
      expect((await one.lease("one", "take")).token).toBeUndefined();
    });

    test("an offered lease is kept until somebody takes it, and others hear of the offer", async () => {
      const stores = await world();
      const [one, two] = [await openIn(stores), await openIn(stores)];
      const first = await one.lease("one", "take");
      const heard = two.frees;
      expect((await one.lease("one", "offer")).token).toBe(first.token);
      await until(() => two.frees > heard, "the other store hears of it");
      expect((await two.lease("two", "offer")).token).toBeUndefined();
      expect((await one.lease("one", "offer")).token).toBe(first.token);
      const second = await two.lease("two", "take");
      expect(second.token).toBeGreaterThan(first.token ?? 0);
      expect((await one.lease("one", "offer")).token).toBeUndefined();
    });

    test("a write with the token of a lease that is over changes nothing", async () => {
      const stores = await world();
      const [one, two] = [await openIn(stores), await openIn(stores)];
      const version = await one.create("a", "1");
      const { token = 0 } = await one.lease("one", "take");
      await one.lease("one", "release");
      const write = { id: "a", expected: version, record: { dueAt: null, text: "2" } };
      expect(await one.store.write([write], token)).toEqual([{ outcome: "fenced" }]);
      const next = await two.lease("two", "take");
      expect(await one.store.write([write, write], token)).toEqual([{ outcome: "fenced" }, { outcome: "fenced" }]);
      expect((await two.store.write([write], next.token))[0]?.outcome).toBe("written");
    });

    test("every store hears when a record is written that is due", async () => {
      const stores = await world();
      const [one, two] = [await openIn(stores), await openIn(stores)];
      await one.create("never", "1", null);
      await one.create("a", "1", 1_790_000_000_123);
      await until(() => two.dues.length > 0, "the other store hears of it");
      expect(two.dues).toEqual([1_790_000_000_123]);
    });

    test("ten thousand records can be written, listed and read as due", async () => {
      const it = await open();
      const ids = Array.from({ length: 10_000 }, (_, n) => `s${String(n).padStart(5, "0")}`);
      for (let from = 0; from < ids.length; from += 500) {
        const writes = ids.slice(from, from + 500).map((id, n) => {
          return { id, expected: 0, record: { dueAt: 20_000 - from - n, text: `{"id":"${id}"}` } };
        });
        const outcomes = await it.store.write(writes);
        expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(["written"]));
      }
      const listed: string[] = [];
      for (;;) {
        const page = await it.names("", listed.at(-1) ?? "", 1000);
        if (page.length === 0) break;
        listed.push(...page);
      }
      expect(listed).toEqual(ids);
      const { records } = await it.due(10_001 + 99, 200);
      expect(records.map(({ id }) => id)).toEqual(ids.slice(-100).reverse());
    }, 30_000);

    test("a store can be closed twice", async () => {
      const it = await open();
      await it.store.close();
      await it.store.close();
      expect(it.dues).toEqual([]);
    });
  });
}

/** A started store that records its events. */
class ListeningStore {
  readonly store: ScheduleStore;
  readonly dues: number[] = [];
  frees = 0;

  private constructor(store: ScheduleStore) {
    this.store = store;
  }

  static async open(stores: ScheduleStoresUnderTest): Promise<ListeningStore> {
    const it = new ListeningStore(await stores.open());
    await it.store.start({
      onDue: (dueAt) => it.dues.push(dueAt),
      onFree: () => {
        it.frees++;
      },
    });
    return it;
  }

  /** @returns the version */
  async create(id: string, text: string, dueAt: number | null = null): Promise<number> {
    const outcome = await this.write(id, 0, text, dueAt);
    if (outcome.outcome !== "written") throw new Error(`${id} was not created: ${outcome.outcome}`);
    return outcome.version;
  }

  async write(id: string, expected: number, text: string, dueAt: number | null = null): Promise<WriteOutcome> {
    const [outcome] = await this.store.write([{ id, expected, record: { dueAt, text } }]);
    if (outcome === undefined) throw new Error("a write had no outcome");
    return outcome;
  }

  async remove(id: string, expected: number): Promise<WriteOutcome> {
    const [outcome] = await this.store.write([{ id, expected, record: null }]);
    if (outcome === undefined) throw new Error("a write had no outcome");
    return outcome;
  }

  async byIds(...ids: string[]) {
    return (await this.store.read({ by: "id", ids })).records;
  }

  due(until: number, limit = 100): Promise<RecordPage> {
    return this.store.read({ by: "due", until, limit });
  }

  async names(prefix: string, after: string, limit: number): Promise<readonly string[]> {
    const { records } = await this.store.read({ by: "name", prefix, after, limit });
    return records.map(({ id }) => id);
  }

  lease(holder: string, wish: "take" | "offer" | "release") {
    return this.store.lease({ holder, wish });
  }
}
