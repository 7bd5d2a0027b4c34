import { expect, test } from "bun:test";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { eventually, until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";

/** The number of messages published while the replica is behind. */
const count = 20;

/** A primary and a synchronized replica. */
async function startPair() {
  await using started = new AsyncDisposableStack();
  const primary = started.use(await RedisServer.start());
  const replica = started.use(await RedisServer.start({ replicaof: `127.0.0.1 ${primary.port}` }));
  const isFollowing = async () =>
    String(await replica.command("INFO", "replication")).includes("master_link_status:up");
  await until(isFollowing, "the replica follows its primary");
  const pair = started.move();
  return { primary, replica, [Symbol.asyncDispose]: () => pair.disposeAsync() };
}

const publish = (server: ServerUnderTest, channel: string, id: string) =>
  server.request("POST", "/v1/publish", { channel, data: id, id });

/** How many of the messages were acknowledged. */
async function acknowledgedOf(server: ServerUnderTest, channel: string, ids: readonly string[]): Promise<number> {
  const answers = await Promise.all(ids.map((id) => publish(server, channel, id)));
  return answers.filter(({ status }) => status === 200).length;
}

test("with REDIS_WAIT a failover to the replica loses no acknowledged message; without it some are lost", async () => {
  await using pair = await startPair();
  const { primary, replica } = pair;
  await using plain = await startServer({ env: { REDIS_URL: primary.url } });
  await using careful = await startServer({ env: { REDIS_URL: primary.url, REDIS_WAIT: "1" } });
  const early = Array.from({ length: count }, (_, n) => `early-${n}`);
  expect(await acknowledgedOf(plain, "plain", early)).toBe(count);
  expect(await acknowledgedOf(careful, "careful", early)).toBe(count);

  // From here on the replica receives nothing: its link is cut, and it does not have the new password.
  await primary.command("CONFIG", "SET", "requirepass", "unknown-to-the-replica");
  const steering = primary.connect("unknown-to-the-replica");
  await steering.call("CLIENT", "KILL", "TYPE", "replica");
  steering.disconnect();
  const late = Array.from({ length: count }, (_, n) => `late-${n}`);
  const acknowledged = {
    plain: await acknowledgedOf(plain, "plain", late),
    careful: await acknowledgedOf(careful, "careful", late),
  };
  // On a very busy machine, Redis may count as unavailable for a moment.
  await eventually(async () => {
    const refused = (await (await publish(careful, "careful", "one more")).json()) as { code: string; detail: string };
    expect(refused.code).toBe("broker-unavailable");
    expect(refused.detail).toContain("only 0 of 1 replicas confirmed the message (REDIS_WAIT); retry with the same id");
  });

  await primary.kill();
  await replica.command("REPLICAOF", "NO", "ONE");
  const lostOf = async (channel: "plain" | "careful") =>
    count + acknowledged[channel] - Number(await replica.command("XLEN", `fanfare:{${channel}}:messages`));
  const lost = { plain: await lostOf("plain"), careful: await lostOf("careful") };
  console.log(`REDIS_WAIT: ${JSON.stringify({ acknowledged, lost })}`);
  expect(acknowledged).toEqual({ plain: count, careful: 0 });
  expect(lost).toEqual({ plain: count, careful: 0 });
});

test("a retry after a refusal is acknowledged once the replica has the message, which is stored once", async () => {
  await using pair = await startPair();
  const { primary, replica } = pair;
  await using careful = await startServer({ env: { REDIS_URL: primary.url, REDIS_WAIT: "1" } });
  expect((await publish(careful, "again", "before")).status).toBe(200);
  replica.signal("SIGSTOP");
  expect((await publish(careful, "again", "late")).status).toBe(503);
  replica.signal("SIGCONT");
  await until(async () => (await publish(careful, "again", "late")).status === 200, "it is acknowledged");
  const found = (await (await careful.request("GET", "/v1/channels/again/history?since=earliest")).json()) as {
    readonly messages: readonly { readonly data: unknown }[];
  };
  expect(found.messages.map(({ data }) => data)).toEqual(["before", "late"]);
  // No message reaches more replicas than exist.
  await using vain = await startServer({ env: { REDIS_URL: primary.url, REDIS_WAIT: "2" } });
  expect((await publish(vain, "again", "in vain")).status).toBe(503);
});
