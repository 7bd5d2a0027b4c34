import { expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { Claim, Claimed } from "./cluster.ts";
import { HeldClaims } from "./held-claims.ts";

const over = "nobody" as const;

/** A cluster that can be unreachable, can lose its state, and can lose an answer. */
class FakeCluster {
  readonly holders = new Map<string, string>();
  isAway = false;
  losesAnswers = false;

  async claim({ key, holder, over }: Claim): Promise<Claimed> {
    if (this.isAway) throw new Error("out of reach");
    const had = this.holders.get(key);
    const previous = had === undefined ? undefined : { member: "m", holder: had };
    const isGranted = had === undefined || over === "anybody" || (over !== "nobody" && over.holder === had);
    if (isGranted) this.holders.set(key, holder);
    if (this.losesAnswers) throw new Error("no answer");
    return { isGranted, previous };
  }

  release(key: string, holder: string): void {
    if (!this.isAway && this.holders.get(key) === holder) this.holders.delete(key);
  }
}

function world() {
  const cluster = new FakeCluster();
  const lost: string[] = [];
  /** Holders that the cluster may know, but that do not exist any more. */
  const ended = new Set<string>();
  const clock = new MovedClock();
  const claims = new HeldClaims(cluster, clock, {
    onLost: (holder) => lost.push(holder),
    isThere: async (_key, { holder }) => !ended.has(holder),
  });
  return { cluster, clock, claims, lost, ended, settle: turn };
}

test("a member that reconnects claims again what it holds, but not what it released", async () => {
  const { cluster, claims, lost, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  await claims.claim({ key: "b", holder: "2", over });
  claims.release("b", "2");
  cluster.holders.clear();
  claims.claimAllAgain();
  await settle();
  expect([...cluster.holders]).toEqual([["a", "1"]]);
  expect(lost).toEqual([]);
});

test("a name that the cluster still has under this member's previous session stays with its holder", async () => {
  const { cluster, claims, lost, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  claims.claimAllAgain(); // The cluster has not noticed that the previous session is over.
  await settle();
  expect(lost).toEqual([]);
  expect([...cluster.holders]).toEqual([["a", "1"]]);
});

test("a name that another member took in the meantime is lost, and its holder here is told once", async () => {
  const { cluster, claims, lost, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.holders.set("a", "elsewhere");
  claims.claimAllAgain();
  await settle();
  claims.claimAllAgain();
  await settle();
  expect(lost).toEqual(["1"]);
  expect(cluster.holders.get("a")).toBe("elsewhere");
});

test("a name that was released while disconnected is not claimed again", async () => {
  const { cluster, claims, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.isAway = true;
  claims.release("a", "1");
  cluster.isAway = false;
  cluster.holders.clear();
  claims.claimAllAgain();
  await settle();
  expect(cluster.holders.size).toBe(0);
});

test("a claim whose answer was lost holds nothing, since its caller was refused", async () => {
  const { cluster, claims } = world();
  cluster.losesAnswers = true;
  await expect(claims.claim({ key: "a", holder: "1", over })).rejects.toThrow("no answer");
  expect(cluster.holders.size).toBe(0);
});

test("a takeover whose answer was lost leaves the name with the predecessor", async () => {
  const { cluster, claims, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.losesAnswers = true;
  await expect(claims.claim({ key: "a", holder: "2", over: { holder: "1" } })).rejects.toThrow("no answer");
  await settle();
  expect(cluster.holders.get("a")).toBe("1");
});

test("a name that is handed over while disconnected belongs to the successor after the reconnect", async () => {
  const { cluster, claims, lost, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.isAway = true;
  claims.transfer("a", "1", "2");
  await settle();
  cluster.isAway = false;
  cluster.holders.clear();
  claims.claimAllAgain();
  await settle();
  expect(cluster.holders.get("a")).toBe("2");
  expect(lost).toEqual([]);
});

test("a successor that is too late has lost the name, and is told", async () => {
  const { cluster, claims, lost, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.holders.set("a", "elsewhere");
  claims.transfer("a", "1", "2");
  await settle();
  expect(lost).toEqual(["2"]);
});

test("the previous holder cannot release a name that it handed over", async () => {
  const { cluster, claims, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  claims.transfer("a", "1", "2");
  await settle();
  claims.release("a", "1");
  cluster.holders.clear();
  claims.claimAllAgain();
  await settle();
  expect([...cluster.holders]).toEqual([["a", "2"]]);
});

test("a late refusal does not take the name from its current holder", async () => {
  const { cluster, claims, lost, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.holders.set("a", "elsewhere");
  claims.claimAllAgain(); // will be refused
  await claims.claim({ key: "a", holder: "2", over: "anybody" });
  await settle();
  expect(lost).toEqual(["1"]);
  cluster.holders.clear();
  claims.claimAllAgain();
  await settle();
  expect([...cluster.holders]).toEqual([["a", "2"]]);
});

test("a holder that the cluster knows again, because it lost its last writes, does not take the name", async () => {
  const { cluster, claims, lost, ended, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.holders.set("a", "released");
  ended.add("released");
  claims.claimAllAgain();
  await settle();
  expect([cluster.holders.get("a"), lost]).toEqual(["1", []]);
});

test.each([
  ["the cluster says so", "1"],
  ["the claim named it, and it was released before", undefined],
])("a holder that the name was taken from does not take it back, even if it still exists (%s)", async (_, had) => {
  const { cluster, claims, lost, settle } = world();
  if (had !== undefined) cluster.holders.set("a", had);
  await claims.claim({ key: "a", holder: "2", over: { holder: "1" } });
  cluster.holders.set("a", "1");
  claims.claimAllAgain();
  await settle();
  expect([cluster.holders.get("a"), lost]).toEqual(["2", []]);
});

test("a name that was released while it was found out whether its other holder exists is not claimed again", async () => {
  const { cluster, claims, ended, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.holders.set("a", "released");
  ended.add("released");
  claims.claimAllAgain();
  claims.release("a", "1");
  await settle();
  expect(cluster.holders.get("a")).toBe("released");
});

test("a name that cannot be claimed again is tried again until it is decided", async () => {
  const { cluster, clock, claims, lost, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  await claims.claim({ key: "b", holder: "2", over });
  cluster.holders.clear();
  cluster.isAway = true;
  claims.claimAllAgain();
  for (let passed = 0; passed < 3000; passed += 500) {
    await settle();
    clock.move(500);
  }
  claims.release("b", "2");
  cluster.isAway = false;
  cluster.holders.set("a", "elsewhere");
  await clock.moveInSteps(2000, 500);
  await settle();
  expect([...cluster.holders]).toEqual([["a", "elsewhere"]]);
  expect(lost).toEqual(["1"]);
  expect(clock.pending).toBe(0);
});
