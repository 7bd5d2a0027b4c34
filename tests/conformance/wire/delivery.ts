import { expect } from "bun:test";
import { until } from "../../waiting.ts";
import { ask, cursorOf, inChannel, joinedIn, rule, untilInChannel, type WireRule } from "./wire-server.ts";

/** 64-bit numbers and other values that parsing and reformatting would change. */
const data =
  '{"big":12345678901234567890,"exact":1.10,"tiny":1e-400,"text":"\\u2028 \\ud83d\\ude00","twice":1,"twice":2}';

/** §1, §4 and §5: which messages arrive, in which order, and how missing ones are reported. */
export const deliveryRules: readonly WireRule[] = [
  rule("a push to a user reaches each of that user's connections, and no others", async (server) => {
    const [user, other] = [server.fresh("user"), server.fresh("user")];
    const own = [await server.open(`user_id=${user}`), await server.open(`user_id=${user}`)];
    const foreign = await server.open(`user_id=${other}`);
    const pushed = { user_id: user, data: { order: 42 }, event_type: "notification", event_id: "e1", timestamp: 1.5 };
    // Pushed with the same id until all machines know that the user is connected.
    await until(
      async () => (await server.post("/sse/push", pushed)).status === "success",
      "every machine knows the user",
    );
    for (const socket of own) {
      const [frame] = await untilInChannel(socket, `@${user}`, 1);
      const sent = { offset: 1, id: "e1", event: "notification", data: { order: 42 } };
      expect(frame).toMatchObject({ ...sent, sent_at: "1970-01-01T00:00:01.500Z" });
    }
    await server.post("/sse/push", { user_id: other, data: 1 });
    await untilInChannel(foreign, `@${other}`, 1);
    expect(inChannel(foreign, `@${user}`)).toEqual([]);
  }),
  rule("all connections see one channel in the same order, each offset once", async (server) => {
    const channel = server.fresh("room");
    const sockets = await Promise.all([1, 2, 3, 4].map(() => server.open(`channel=${channel}`)));
    const publish = (at: number) => server.publish({ channel, data: at });
    await Promise.all(Array.from({ length: 60 }, (_, at) => publish(at)));
    const seen = await Promise.all(sockets.map((it) => untilInChannel(it, channel, 60)));
    expect(seen[0]?.map(({ offset }) => offset)).toEqual(Array.from({ length: 60 }, (_, at) => at + 1));
    for (const other of seen) expect(other.map(({ id }) => id)).toEqual((seen[0] ?? []).map(({ id }) => id));
  }),
  rule("an excluded connection receives an `advance` in place of the message", async (server) => {
    const channel = server.fresh("room");
    const [left, other] = [await server.open(`channel=${channel}`), await server.open(`channel=${channel}`)];
    const exclude_connection_id = left.welcome.connection_id;
    await server.publish({ channel, message: "secret", exclude_connection_id });
    await server.publish({ channel, message: "open" });
    expect(await untilInChannel(other, channel, 2)).toMatchObject([{ message: "secret" }, { message: "open" }]);
    await untilInChannel(left, channel, 1);
    const seen = left.frames.filter((it) => it.channel === channel).map(({ type, offset }) => [type, offset]);
    expect(seen).toEqual([
      ["advance", 1],
      ["message", 2],
    ]);
  }),
  rule("64-bit numbers, and everything else in `data`, keep their exact text", async (server) => {
    const channel = server.fresh("room");
    const [socket, publisher] = [await server.open(`channel=${channel}`), await server.open()];
    const stream = await server.stream(`channel=${channel}`);
    publisher.send(`{"type":"publish","channel":"${channel}","data":${data}}`);
    await server.post("/v1/publish", `{"channel":"${channel}","data":${data}}`);
    await untilInChannel(socket, channel, 2);
    await untilInChannel(stream, channel, 2);
    const texts = socket.texts.filter((it) => it.includes(`"channel":"${channel}"`) && it.includes('"message"'));
    expect(texts.map((it) => it.includes(`"data":${data}`))).toEqual([true, true]);
    const blocks = stream.blocks.filter((it) => it.data?.startsWith('{"type":"message"') && it.data.includes(channel));
    expect(blocks.map((it) => it.data?.includes(`"data":${data}`))).toEqual([true, true]);
    const history = await (await server.request("GET", `/v1/channels/${channel}/history`)).text();
    expect(history.split(`"data":${data}`).length).toBe(3);
  }),
  rule(
    "a client that uses `fanfare.v1` receives the frames of one write as an array, other clients one by one",
    async (server) => {
      const channel = server.fresh("room");
      for (let at = 1; at <= 10; at++) await server.publish({ channel, data: at });
      const query = `channel=${channel}&since=earliest`;
      const [batches, plain] = [await server.open(query, { protocols: ["fanfare.v1"] }), await server.open(query)];
      for (const socket of [batches, plain]) {
        const seen = await untilInChannel(socket, channel, 10);
        expect(seen.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      }
      expect(batches.texts.some((it) => it.startsWith("["))).toBe(true);
      expect(plain.texts.every((it) => it.startsWith("{"))).toBe(true);
    },
  ),
  rule("a resume from a position is complete, or says why it is not and where it continues", async (server) => {
    const channel = server.fresh("room");
    const { epoch } = await server.publish({ channel, data: 1 });
    await server.publish({ channel, data: 2 });
    for (const [since, expected] of [
      [
        { epoch, offset: 0 },
        { from: 1, recovered: true },
      ],
      [
        { epoch, offset: 2 },
        { from: 3, recovered: true },
      ],
      [
        { epoch, offset: 3 },
        { recovered: false, reason: "epoch-changed" },
      ],
      [
        { epoch: "another", offset: 1 },
        { from: 1, recovered: false, reason: "epoch-changed" },
      ],
    ]) {
      const socket = await server.open();
      expect(await ask(socket, { type: "subscribe", channel, since })).toMatchObject({ epoch, offset: 2, ...expected });
    }
  }),
  rule("a resume from the latest position of an empty channel is complete", async (server) => {
    const channel = server.fresh("room");
    const { epoch } = joinedIn(await server.open(`channel=${channel}`), channel);
    const socket = await server.open();
    const joined = await ask(socket, { type: "subscribe", channel, since: { epoch, offset: 0 } });
    expect(joined).toMatchObject({ offset: 0, from: 1, recovered: true });
  }),
  rule(
    "a client that requests more than the history has is told so, and receives the rest without another gap",
    async (server) => {
      const channel = server.fresh("room");
      const { epoch } = await server.publish({ channel, message: "first" });
      // 40 times 60 KB exceeds the default limit of 1 MiB per channel.
      const message = "x".repeat(60_000);
      for (let at = 0; at < 40; at++) await server.publish({ channel, message });
      const socket = await server.open(`channel=${channel}&since=${cursorOf(channel, epoch, 1)}`);
      const joined = joinedIn(socket, channel);
      expect(joined).toMatchObject({ offset: 41, recovered: false, reason: "history-too-short" });
      expect(joined.from).toBeGreaterThan(2);
      const seen = await untilInChannel(socket, channel, 42 - Number(joined.from));
      expect(seen.map(({ offset }) => offset)).toEqual(seen.map((_, index) => Number(joined.from) + index));
    },
  ),
];
