import { describe, expect, test } from "bun:test";
import { type HeartbeatsShard, StoredHeartbeats } from "./stored-heartbeats.ts";

const topic = "fanfare:{watch}";

/**
 * The heartbeats of the member `m1` on a server that has stored these, lowest score first, and the requests to the server.
 */
function heartbeatsOn(replicationId: string, stored: readonly string[] = []) {
  const asked: unknown[][] = [];
  const commands = {
    replicationId,
    run: async (_: unknown, keys: readonly string[], args: readonly unknown[]) => asked.push([...keys, ...args]),
    call: async (...words: unknown[]) => {
      asked.push(words);
      return stored;
    },
  };
  const heartbeats = new StoredHeartbeats({
    self: "m1",
    store: { publishVerb: "SPUBLISH" },
    script: { name: "watch", text: "" } as never,
  });
  return { heartbeats, shard: { commands } as unknown as HeartbeatsShard, asked };
}

describe("heartbeats", () => {
  test("are as old as they are behind the latest under the same replication id: clocks of servers differ", async () => {
    const { heartbeats, shard } = heartbeatsOn("r2", [
      "m1 r1",
      "1000",
      "m2 r1",
      "1700",
      "m1 r2",
      "90000",
      "m3 r1",
      "2000",
    ]);
    expect(await heartbeats.read(shard, topic)).toEqual([
      { member: "m1", replicationId: "r1", ageMs: 1000 },
      { member: "m2", replicationId: "r1", ageMs: 300 },
      { member: "m1", replicationId: "r2", ageMs: 0 },
      { member: "m3", replicationId: "r1", ageMs: 0 },
    ]);
  });

  test("are written under the member and the server's replication id, and removed under both again", async () => {
    const { heartbeats, shard, asked } = heartbeatsOn("r2");
    await heartbeats.write(shard, topic);
    await heartbeats.remove(shard, topic);
    expect(asked[0]).toEqual(expect.arrayContaining([`${topic}/members`, topic, "here m1", "m1 r2"]));
    expect(asked[1]).toEqual(["ZREM", `${topic}/members`, "m1 r2"]);
  });
});
