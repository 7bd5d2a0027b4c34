import { expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import type { Claim, Claimed } from "./cluster.ts";
import { HeldClaims } from "./held-claims.ts";

const over = "nobody" as const;

/** A cluster that can be out of reach, can forget everything, and can lose an answer. */
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
  const claims = new HeldClaims(cluster, (holder) => lost.push(holder));
  return { cluster, claims, lost, settle: turn };
}

test("what is held is claimed again by who is back, but not what was given back", async () => {
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

test("a name that the cluster still has under this member's former life stays with its holder", async () => {
  const { cluster, claims, lost, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  claims.claimAllAgain(); // the cluster has not noticed that the former life is over
  await settle();
  expect(lost).toEqual([]);
  expect([...cluster.holders]).toEqual([["a", "1"]]);
});

test("what another took meanwhile is theirs, and its holder here is told once", async () => {
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

test("a name that was given back while nobody could be told is not claimed again", async () => {
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

test("a claim whose answer got lost holds nothing: who claimed it was turned away", async () => {
  const { cluster, claims } = world();
  cluster.losesAnswers = true;
  await expect(claims.claim({ key: "a", holder: "1", over })).rejects.toThrow("no answer");
  expect(cluster.holders.size).toBe(0);
});

test("a claim over one's own predecessor whose answer got lost leaves the name with the predecessor", async () => {
  const { cluster, claims, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.losesAnswers = true;
  await expect(claims.claim({ key: "a", holder: "2", over: { holder: "1" } })).rejects.toThrow("no answer");
  await settle();
  expect(cluster.holders.get("a")).toBe("1");
});

test("what is passed on while nobody can decide belongs to the heir once this member is back", async () => {
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

test("an heir that comes too late has lost the name, and is told", async () => {
  const { cluster, claims, lost, settle } = world();
  await claims.claim({ key: "a", holder: "1", over });
  cluster.holders.set("a", "elsewhere");
  claims.transfer("a", "1", "2");
  await settle();
  expect(lost).toEqual(["2"]);
});

test("a name that was passed on is not given back by who had it before", async () => {
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

test("a refusal that comes late takes nothing from who has the name here by then", async () => {
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
