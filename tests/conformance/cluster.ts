import { afterEach, describe, expect, test } from "bun:test";
import type { Cluster, ClusterMessage, Member, MemberState } from "../../server/cluster/cluster.ts";
import { eventually, until } from "../waiting.ts";

/** One server's cluster, controlled by the test. */
export interface ClusterUnderTest {
  /** A member that has not started. */
  make(state: MemberState): Cluster;
  /** Silences a member as if its process were suspended, until the others have removed it. The others stay. */
  silence(member: Cluster): Promise<void>;
  /** Lets it continue until it has joined again. A member that was not silenced sends something. */
  wake(member: Cluster): Promise<void>;
  /** Resolves once everything sent so far should have arrived. Only for what must not arrive; else a test waits for it. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** The contract of every Cluster. */
export function clusterConformance(name: string, make: () => Promise<ClusterUnderTest>): void {
  describe(name, () => {
    const opened: ClusterUnderTest[] = [];
    afterEach(async () => {
      for (const it of opened.splice(0)) await it.close();
    });

    async function world(...names: string[]) {
      const cluster = await make();
      opened.push(cluster);
      const members: RecordingMember[] = [];
      for (const it of names) members.push(await RecordingMember.join(cluster, it));
      await eventually(() => {
        for (const [n, { others }] of members.entries()) {
          expect(others.toSorted()).toEqual(names.toSpliced(n, 1));
        }
      });
      return { cluster, members };
    }

    test("every member learns about all others, whether they joined before or after it", async () => {
      const { members } = await world("a", "b", "c");
      const seen = members.map(({ cluster }) =>
        cluster
          .members()
          .map(({ state }) => state.name)
          .join(""),
      );
      expect(seen).toEqual(["abc", "bac", "cab"]);
    });

    test("the others receive what a member announces", async () => {
      const { members } = await world("a", "b");
      members[0]?.cluster.announce({ isDraining: true });
      await eventually(() => {
        const seen = members[1]?.cluster.members().find(({ state }) => state.name === "a");
        expect(seen?.state).toMatchObject({ isDraining: true });
      });
    });

    test("a message to the others reaches all of them in order, and not its sender", async () => {
      const { cluster, members } = await world("a", "b", "c");
      for (let n = 1; n <= 100; n++) members[0]?.cluster.send("others", { topic: "n", body: n });
      const sequence = Array.from({ length: 100 }, (_, index) => ({ topic: "n", body: index + 1 }));
      await eventually(() => expect(members.map(({ messages }) => messages)).toEqual([[], sequence, sequence]));
      await cluster.settle();
      expect(members[0]?.messages).toEqual([]);
    });

    test("a message to one reaches only that one, with the sender's name", async () => {
      const { cluster, members } = await world("a", "b", "c");
      const [a, b, c] = members;
      const target = a?.idOf("b") ?? "";
      a?.cluster.send(target, { topic: "hello", body: { text: "ä\n" } });
      await eventually(() => expect(b?.messages).toEqual([{ topic: "hello", body: { text: "ä\n" } }]));
      await cluster.settle();
      expect(b?.senders).toEqual([b?.idOf("a") ?? "?"]);
      expect(c?.messages).toEqual([]);
    });

    test("a message to a member that left is lost without an error", async () => {
      const { cluster, members } = await world("a", "b");
      const target = members[0]?.idOf("b") ?? "";
      await members[1]?.cluster.close();
      await eventually(() => expect(members[0]?.others).toEqual([]));
      members[0]?.cluster.send(target, { topic: "late", body: null });
      await cluster.settle();
      expect(members[1]?.messages).toEqual([]);
    });

    test("the others are told when a member leaves, and it receives nothing more", async () => {
      const { cluster, members } = await world("a", "b");
      await members[1]?.cluster.close();
      await eventually(() => expect(members[0]?.others).toEqual([]));
      expect(members[0]?.cluster.members()).toHaveLength(1);
      members[0]?.cluster.send("others", { topic: "late", body: null });
      await cluster.settle();
      expect(members[1]?.messages).toEqual([]);
    });

    test("of many members that claim one name at the same time exactly one gets it", async () => {
      const { members } = await world("a", "b", "c");
      const claims = Array.from({ length: 30 }, (_, n) =>
        members[n % 3]?.cluster.claim({ key: "user:1", holder: `c${n}`, over: "nobody" }),
      );
      const granted = (await Promise.all(claims)).filter((it) => it?.isGranted);
      expect(granted).toHaveLength(1);
      expect(granted[0]?.previous).toBeUndefined();
    });

    test("a claim over any holder takes the name, and returns the previous holder", async () => {
      const { members } = await world("a", "b");
      const [a, b] = members;
      await a?.cluster.claim({ key: "k", holder: "first", over: "nobody" });
      const taken = await b?.cluster.claim({ key: "k", holder: "second", over: "anybody" });
      expect(taken).toEqual({ isGranted: true, previous: { member: b?.idOf("a") ?? "?", holder: "first" } });
    });

    test("a claim over a given holder takes the name only from that one", async () => {
      const { members } = await world("a", "b");
      const [a, b] = members;
      await a?.cluster.claim({ key: "k", holder: "first", over: "nobody" });
      const refused = await b?.cluster.claim({ key: "k", holder: "second", over: { holder: "somebody else" } });
      expect(refused?.isGranted).toBe(false);
      const granted = await b?.cluster.claim({ key: "k", holder: "second", over: { holder: "first" } });
      expect(granted?.isGranted).toBe(true);
    });

    test("a released name is free, unless another member has it by then", async () => {
      const { cluster, members } = await world("a", "b");
      const [a, b] = members;
      await a?.cluster.claim({ key: "k", holder: "first", over: "nobody" });
      await b?.cluster.claim({ key: "k", holder: "second", over: "anybody" });
      a?.cluster.release("k", "first");
      await cluster.settle();
      expect((await a?.cluster.claim({ key: "k", holder: "third", over: "nobody" }))?.isGranted).toBe(false);
      b?.cluster.release("k", "second");
      const isFree = async () =>
        (await a?.cluster.claim({ key: "k", holder: "third", over: "nobody" }))?.isGranted === true;
      await until(isFree, "the name is free");
    });

    test("the names of a member that left are free", async () => {
      const { members } = await world("a", "b");
      await members[1]?.cluster.claim({ key: "k", holder: "first", over: "nobody" });
      await members[1]?.cluster.close();
      await eventually(() => expect(members[0]?.others).toEqual([]));
      const claimed = await members[0]?.cluster.claim({ key: "k", holder: "second", over: "nobody" });
      expect(claimed).toEqual({ isGranted: true, previous: undefined });
    });

    test("a member whose heartbeat stops is removed, and its names are free", async () => {
      const { cluster, members } = await world("a", "b");
      const [a, b] = members;
      await b?.cluster.claim({ key: "k", holder: "first", over: "nobody" });
      if (b !== undefined) await cluster.silence(b.cluster);
      await eventually(() => expect(a?.others).toEqual([]));
      expect((await a?.cluster.claim({ key: "k", holder: "second", over: "nobody" }))?.isGranted).toBe(true);
    });

    test("a removed member that returns learns about all others again, and is told that its names were free", async () => {
      const { cluster, members } = await world("a", "b", "c");
      const [a, b, c] = members;
      if (a === undefined || b === undefined || c === undefined) throw new Error("three were made");
      const before = a.idOf("b");
      expect(b.returns).toBe(0);
      await cluster.silence(b.cluster);
      await cluster.wake(b.cluster);
      await cluster.wake(c.cluster);
      await eventually(() =>
        expect([a.others.toSorted(), b.others.toSorted()]).toEqual([
          ["b", "c"],
          ["a", "c"],
        ]),
      );
      expect([a.returns, b.returns]).toEqual([0, 1]);
      expect(a.idOf("b")).not.toBe(before);
      expect((await b.cluster.claim({ key: "k", holder: "again", over: "nobody" })).isGranted).toBe(true);
      b.cluster.send("others", { topic: "back", body: 1 });
      await eventually(() => expect(a.messages).toEqual([{ topic: "back", body: 1 }]));
    });

    test("after a member has left, a claim is an error, and leaving again is not", async () => {
      const { members } = await world("a");
      await members[0]?.cluster.close();
      await members[0]?.cluster.close();
      const claim = members[0]?.cluster.claim({ key: "k", holder: "x", over: "nobody" });
      await expect(claim).rejects.toThrow();
    });
  });
}

function stateOf(name: string): MemberState {
  return { name, pid: 1, isDraining: false };
}

/** A member that records the events it receives. */
class RecordingMember {
  readonly cluster: Cluster;
  readonly messages: ClusterMessage[] = [];
  readonly senders: string[] = [];
  /** How often `onReturned` was called. */
  returns = 0;
  readonly #others: Member[] = [];

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async join(world: ClusterUnderTest, name: string): Promise<RecordingMember> {
    const recorder = new RecordingMember(world.make(stateOf(name)));
    await recorder.cluster.start({
      onJoined: (member) => recorder.#others.push(member),
      onLeft: ({ id }) => {
        const at = recorder.#others.findIndex((it) => it.id === id);
        if (at < 0) throw new Error("a member left that had not joined");
        recorder.#others.splice(at, 1);
      },
      onMessage: (from, message) => {
        recorder.senders.push(from);
        recorder.messages.push(message);
      },
      onReturned: () => {
        recorder.returns++;
      },
    });
    return recorder;
  }

  /** Names of the other members that it knows. */
  get others(): string[] {
    return this.#others.map(({ state }) => state.name);
  }

  idOf(name: string): string | undefined {
    return this.#others.find(({ state }) => state.name === name)?.id;
  }
}
