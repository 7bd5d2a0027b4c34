import { describe, expect, test } from "bun:test";
import { RecordingLog } from "../../tests/delivery/recording-log.ts";
import { makeArrival, nameOf, TestHub } from "../../tests/fakes/hub.ts";
import { Access } from "../auth/access.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { TracedPublication } from "../trace/facts.ts";
import { judge } from "../trace/verdict.ts";
import { FactsCollector } from "./connection-facts.ts";

const room = nameOf("room:1");

async function world(options: Parameters<typeof TestHub.start>[0] = {}) {
  const it = await TestHub.start(options);
  const { hub, recorder, clock } = it;
  const collector = new FactsCollector({
    connections: hub.connections,
    delivery: hub.delivery,
    access: new Access({
      isSecured: false,
      insecure: false,
      chat: true,
      anonymous: true,
      trustUserId: true,
      verifier: undefined,
      rulesOf: () => ({ subscribe: "nobody", publish: "anyone", presence: "on" }),
    }),
    journal: recorder.journal,
    ruleOf: () => ({ match: "room:*", subscribe: "nobody" }),
    clock,
  });
  const publish = async (more: { id?: string; excludeConnectionId?: string } = {}): Promise<TracedPublication> => {
    const published = await it.publish("room:1", "m", more);
    await it.settle(10);
    const { epoch = "", offset = 0 } = published.position ?? {};
    const { excludeConnectionId } = more;
    return {
      channel: room,
      epoch,
      offset,
      ...(excludeConnectionId === undefined ? {} : { excluded: excludeConnectionId }),
    };
  };
  const verdicts = (publication: TracedPublication) =>
    collector.collect({ channel: room, user: "u1" }).connections.map((facts) => judge(publication, facts).verdict);
  return { it, collector, publish, verdicts };
}

describe("the facts about a real connection lead to the verdict", () => {
  test("drained, after a delivery; and still for the connection that has ended", async () => {
    const { it, publish, verdicts } = await world();
    const client = await it.connect({ userId: "u1", channels: [room] });
    const publication = await publish();
    expect(verdicts(publication)).toEqual(["drained"]);
    it.leave(client);
    expect(verdicts(publication)).toEqual(["sent-before-end"]);
    expect(verdicts(await publish())).toEqual(["gone"]);
    await it.close();
  });

  test("joined-later and resumed-after, by where the connection began", async () => {
    const { it, publish, verdicts } = await world();
    await publish();
    const publication = await publish();
    await it.connect({ userId: "u1", channels: [room] });
    expect(verdicts(publication)).toEqual(["joined-later"]);
    const since = new Map([[room, { epoch: publication.epoch, offset: publication.offset }]]);
    await it.connect({ userId: "u1", channels: [room], since });
    expect(verdicts(publication).toSorted()).toEqual(["joined-later", "resumed-after"]);
    await it.close();
  });

  test("drained, for a message of a new epoch, whatever the offset at which the connection began in the former one", async () => {
    const clock = new MovedClock();
    const log = new RecordingLog({ historySize: 1000, historyTtl: 300_000 }, clock);
    const { it, publish, verdicts } = await world({ clock, log });
    for (let offset = 1; offset <= 3; offset++) await publish();
    await it.connect({ userId: "u1", channels: [room] });
    log.forget();
    const publication = await publish();
    expect([publication.offset, verdicts(publication)]).toEqual([1, ["drained"]]);
    await it.close();
  });

  test("left, by the client's own command, and refused, by a command that is not allowed", async () => {
    const { it, collector, publish, verdicts } = await world();
    const client = await it.connect({ userId: "u1", channels: [room] });
    const before = await publish();
    client.conversation.receive(JSON.stringify({ type: "unsubscribe", channel: room }));
    await it.settle();
    expect(verdicts(before)).toEqual(["sent-before-leaving"]);
    expect(verdicts(await publish())).toEqual(["left"]);
    client.conversation.receive(JSON.stringify({ type: "subscribe", channel: "@u2" }));
    await it.settle();
    const [facts] = collector.collect({ channel: nameOf("@u2"), user: "u1" }).connections;
    expect(facts?.notes.map(({ kind }) => kind)).toEqual(["refused"]);
    await it.close();
  });

  test("excluded, for the publisher's own connection", async () => {
    const { it, publish, verdicts } = await world();
    const { session } = await it.connect({ userId: "u1", channels: [room] });
    expect(verdicts(await publish({ excludeConnectionId: session.id }))).toEqual(["excluded"]);
    await it.close();
  });

  test("lagging, for a client that does not read; then drained", async () => {
    const { it, publish, verdicts } = await world();
    const { connection } = await it.connect({ userId: "u1", channels: [room] });
    connection.stall();
    let publication = await publish();
    while (!it.hub.slowReaders) publication = await publish();
    expect(verdicts(publication)).toEqual(["sent"]);
    const next = await publish();
    expect(verdicts(next)).toEqual(["lagging"]);
    connection.resume();
    await it.settle(20);
    expect(verdicts(next)).toEqual(["drained"]);
    await it.close();
  });

  test("not-subscribed, with the rule that would refuse it", async () => {
    const { it, collector, publish, verdicts } = await world();
    await it.connect({ userId: "u1" });
    expect(verdicts(await publish())).toEqual(["not-subscribed"]);
    const [facts] = collector.collect({ channel: room, user: "u1" }).connections;
    expect(facts?.rule).toEqual({ match: "room:*", subscribe: "nobody" });
    expect(facts?.forbidden).toContain("(subscribe: nobody)");
    await it.close();
  });
});

test("a refused connection is known by the user it claimed", async () => {
  const { it, collector } = await world();
  const handshake = { userId: "u1", token: "x.y.z" };
  await expect(Promise.resolve(it.hub.admit(makeArrival(handshake)))).rejects.toThrow("does not accept tokens");
  expect(collector.collect({ channel: room, user: "u1" }).refusals).toMatchObject([
    { what: "connection", action: "connect", code: "unauthorized", remote: "127.0.0.1:52341" },
  ]);
  await it.close();
});

test("a connection is found by its id, open or ended, and not under another user", async () => {
  const { it, collector } = await world();
  const client = await it.connect({ channels: [room] });
  const connection = client.session.id;
  const find = (user?: string) =>
    collector.collect({ channel: room, connection, ...(user === undefined ? {} : { user }) }).connections;
  expect(find().map(({ ended }) => ended === undefined)).toEqual([true]);
  expect(find("u1")).toEqual([]);
  it.leave(client);
  expect(find().map(({ ended }) => ended === undefined)).toEqual([false]);
  await it.close();
});
