import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { PresenceEvent } from "../presence/presence-store.ts";
import type { Session } from "../session/session.ts";
import { webhookTypes } from "./options.ts";
import { WebhookQueue } from "./webhook-queue.ts";
import { Webhooks } from "./webhooks.ts";

/** The webhooks that would be sent with these settings. */
function world(channels: readonly string[] = ["*"], events: readonly string[] = webhookTypes) {
  const sent: { readonly id: string; readonly body: string }[] = [];
  const clock = new MovedClock();
  const settings = { url: "https://app.example.com/", timeoutMs: 1, retryForMs: 1, maxEvents: 100, maxBytes: 1e6 };
  const post = async ({ id, body }: { readonly id: string; readonly body: string }) => {
    sent.push({ id, body });
    return { status: 204, text: "", retryAfterS: undefined };
  };
  const webhooks = new Webhooks({ events, channels }, new WebhookQueue(settings, post, clock), clock);
  const told = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return sent.map(({ body }) => JSON.parse(body));
  };
  return { webhooks, sent, told };
}

function presence(kind: PresenceEvent["kind"], position: number, count: number): PresenceEvent {
  return { kind, position, count, presence: { id: "c_1", userId: "alice", info: '{"name":"A"}', since: 0 }, at: 0 };
}

const draft = (channel: string) => ({ channel: channel as ChannelName, data: '{"__proto__":1}' });
const stored = (offset: number) => ({
  id: "m",
  position: { epoch: "e1", offset },
  duplicate: false,
  listeners: 1,
});

describe("webhooks", () => {
  test.each([
    ["*", ["room:1", "a"], ["all", "@alice"]],
    ["room:*", ["room:1"], ["rooms", "all", "@alice"]],
    ["all", ["all"], ["a", "@all"]],
    ["@*", ["@alice"], ["all", "alice"]],
    ["a*", ["a", "all", "alice"], ["@alice"]],
  ])("about %s are about %j, and not %j", (pattern, covered, others) => {
    const { webhooks } = world([pattern]);
    const reported = [...covered, ...others].filter((it) => webhooks.isReported(it as ChannelName));
    expect(reported).toEqual(covered);
  });

  test("track presence only if a type needs it", () => {
    expect(world(["*"], ["connected", "published"]).webhooks.isReported("a" as ChannelName)).toBe(false);
    expect(world(["*"], ["vacated"]).webhooks.isReported("a" as ChannelName)).toBe(true);
  });

  test("about a message have its data as it was written, and its position", async () => {
    const { webhooks, sent, told } = world();
    webhooks.published({ ...draft("a"), event: "e", sender: "s", headers: { h: "1" } }, stored(7));
    expect(await told()).toMatchObject([
      {
        type: "published",
        timestamp: "2026-01-01T00:00:00.000Z",
        data: { channel: "a", id: "m", epoch: "e1", offset: 7, event: "e", sender: "s", headers: { h: "1" } },
      },
    ]);
    expect(sent[0]?.body).toEndWith(',"data":{"__proto__":1}}}');
  });

  test("about the first and the last connection come before the first and after the last of them", async () => {
    const { webhooks, told } = world();
    const events = [presence("joined", 1, 1), presence("joined", 2, 2), presence("left", 3, 1), presence("left", 4, 0)];
    webhooks.onPresence("a" as ChannelName, { epoch: "e1", events });
    for (let turns = 0; turns < 6; turns++) await told();
    expect((await told()).map(({ type }) => type)).toEqual(["occupied", "joined", "joined", "left", "left", "vacated"]);
    expect((await told())[1].data).toEqual({
      channel: "a",
      epoch: "e1",
      position: 1,
      connection_id: "c_1",
      user_id: "alice",
      count: 1,
      info: { name: "A" },
    });
  });

  test("count for the client that caused them, and for nobody if that was an API key", () => {
    const { webhooks } = world();
    const added: unknown[] = [];
    webhooks.queue.add = ({ client }) => added.push(client);
    const session = { id: "c_1", userId: "alice", origin: { ip: "203.0.113.7", connectedAt: 0 } } as Session;
    for (const it of [session, { ...session, userId: undefined } as Session]) {
      webhooks.connected(it);
      webhooks.disconnected(it);
    }
    webhooks.published({ ...draft("a"), publisher: "user:bob" }, stored(1));
    webhooks.published(draft("a"), stored(2));
    webhooks.onPresence("a" as ChannelName, { epoch: "e1", events: [presence("joined", 1, 1)] });
    expect(added).toEqual([
      ...["user:alice", "user:alice", "address:203.0.113.7", "address:203.0.113.7"],
      ...["user:bob", undefined, "user:alice", "user:alice"],
    ]);
  });

  test("have an id that repeats only for the same event, and contains no dot", async () => {
    const idsOf = async () => {
      const { webhooks, sent, told } = world();
      for (const offset of [1, 2]) webhooks.published(draft("a"), stored(offset));
      webhooks.published(draft("b"), stored(1));
      webhooks.onPresence("a" as ChannelName, { epoch: "e1", events: [presence("joined", 1, 1)] });
      for (let turns = 0; turns < 6; turns++) await told();
      return sent.map(({ id }) => id).toSorted();
    };
    const ids = await idsOf();
    expect(ids).toEqual(await idsOf());
    expect([new Set(ids).size, ids.filter((id) => !/^msg_[\w-]{24}$/.test(id))]).toEqual([5, []]);
  });
});
