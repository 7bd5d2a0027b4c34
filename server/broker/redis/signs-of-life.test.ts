import { describe, expect, test } from "bun:test";
import { SignsOfLife, type SignsShard } from "./signs-of-life.ts";

const topic = "fanfare:{watch}";

/** The signs of the member `m1` on a server that has stored these, lowest score first, and what the server was asked. */
function signsOn(replicationId: string, stored: readonly string[] = []) {
  const asked: unknown[][] = [];
  const commands = {
    replicationId,
    run: async (_: unknown, keys: readonly string[], args: readonly unknown[]) => asked.push([...keys, ...args]),
    call: async (...words: unknown[]) => {
      asked.push(words);
      return stored;
    },
  };
  const signs = new SignsOfLife({
    self: "m1",
    store: { publishVerb: "SPUBLISH" },
    script: { name: "watch", text: "" } as never,
  });
  return { signs, shard: { commands } as unknown as SignsShard, asked };
}

describe("signs of life", () => {
  test("are as old as they are behind the latest under the same replication id: clocks of servers differ", async () => {
    const { signs, shard } = signsOn("r2", ["m1 r1", "1000", "m2 r1", "1700", "m1 r2", "90000", "m3 r1", "2000"]);
    expect(await signs.read(shard, topic)).toEqual([
      { member: "m1", replicationId: "r1", ageMs: 1000 },
      { member: "m2", replicationId: "r1", ageMs: 300 },
      { member: "m1", replicationId: "r2", ageMs: 0 },
      { member: "m3", replicationId: "r1", ageMs: 0 },
    ]);
  });

  test("are written under the member and the server's replication id, and removed under both again", async () => {
    const { signs, shard, asked } = signsOn("r2");
    await signs.write(shard, topic);
    await signs.remove(shard, topic);
    expect(asked[0]).toEqual(expect.arrayContaining([`${topic}/members`, topic, "here m1", "m1 r2"]));
    expect(asked[1]).toEqual(["ZREM", `${topic}/members`, "m1 r2"]);
  });
});
