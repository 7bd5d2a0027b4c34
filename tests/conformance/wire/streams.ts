import { expect } from "bun:test";
import { cursorOf, inChannel, joinedIn, rule, untilInChannel, type WireRule } from "./wire-server.ts";

/** §7: Server-Sent Events. */
export const streamRules: readonly WireRule[] = [
  rule("a stream has the headers of an event stream, and ones that forbid caching and buffering", async (server) => {
    const { response } = await server.stream();
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toStartWith("text/event-stream");
    expect(response.headers.get("Cache-Control")).toBe("no-store, no-transform");
    expect(response.headers.get("X-Accel-Buffering")).toBe("no");
  }),
  rule(
    "a stream starts with the welcome, and the last block of each write contains the cursor next to its data",
    async (server) => {
      const [user, channel] = [server.fresh("user"), server.fresh("room")];
      const stream = await server.stream(`user_id=${user}&channel=${channel}`);
      expect(stream.blocks[0]).toMatchObject({ event: "system" });
      const { epoch, offset } = joinedIn(stream, channel);
      await stream.untilBlock(({ id }) => id?.includes(cursorOf(channel, epoch, offset)) === true);
      await server.publish({ channel, data: 1, event: "price" });
      await server.post("/sse/push", { user_id: user, data: 2 });
      await untilInChannel(stream, `@${user}`, 1);
      const wanted = [cursorOf(channel, epoch, 1), cursorOf(`@${user}`, joinedIn(stream, `@${user}`).epoch, 1)];
      await stream.untilBlock(({ id }) => wanted.every((it) => id?.includes(it)));
      expect(stream.blocks.filter(({ data }) => data === undefined)).toEqual([]);
      const of = (value: number) => stream.blocks.find(({ data }) => data?.includes(`"data":${value}`));
      expect([of(1)?.event, of(2)?.event]).toEqual(["price", undefined]);
    },
  ),
  rule("`data` of a stream is the same JSON as on a WebSocket", async (server) => {
    const channel = server.fresh("room");
    const [stream, socket] = [await server.stream(`channel=${channel}`), await server.open(`channel=${channel}`)];
    await server.publish({ channel, message: "two\nlines\r\n", data: ["\n"], sender: "S" });
    await untilInChannel(stream, channel, 1);
    await untilInChannel(socket, channel, 1);
    const block = stream.blocks.find((it) => it.data?.startsWith('{"type":"message"') && it.data.includes(channel));
    expect(socket.texts).toContain(String(block?.data));
  }),
  rule("a stream resumes all its channels from `Last-Event-ID`, which overrides `since`", async (server) => {
    const [a, b] = [server.fresh("room"), server.fresh("room")];
    const first = await server.stream(`channel=${a}&channel=${b}`);
    await server.publish({ channel: a, data: 1 });
    await untilInChannel(first, a, 1);
    await first.untilBlock(({ id }) => id?.includes(cursorOf(a, joinedIn(first, a).epoch, 1)) === true);
    const id = first.lastEventId;
    first[Symbol.dispose]();
    await server.publish({ channel: a, data: 2 });
    await server.publish({ channel: b, data: 3 });
    const second = await server.stream(`channel=${a}&channel=${b}&since=earliest`, { "Last-Event-ID": id });
    // Its `offset` is what was flushed by then, so the second message may arrive before or after it.
    expect(joinedIn(second, a)).toMatchObject({ from: 2, recovered: true });
    expect(joinedIn(second, a).offset).toBeOneOf([1, 2]);
    await untilInChannel(second, b, 1);
    await untilInChannel(second, a, 1);
    expect([...inChannel(second, a), ...inChannel(second, b)].map(({ data }) => data)).toEqual([2, 3]);
  }),
  rule("a stream accepts a cursor in `since` too, even one made of a WebSocket's positions", async (server) => {
    const channel = server.fresh("room");
    const { epoch } = joinedIn(await server.open(`channel=${channel}`), channel);
    for (let at = 1; at <= 3; at++) await server.publish({ channel, data: at });
    const since = encodeURIComponent(cursorOf(channel, epoch, 1));
    const stream = await server.stream(`channel=${channel}&since=${since}`);
    expect(joinedIn(stream, channel)).toMatchObject({ recovered: true, from: 2 });
    expect((await untilInChannel(stream, channel, 2)).map(({ data }) => data)).toEqual([2, 3]);
  }),
  rule("a stream accepts a word in `since`", async (server) => {
    const channel = server.fresh("room");
    for (let at = 1; at <= 4; at++) await server.publish({ channel, data: at });
    for (const [since, expected] of [
      ["earliest", [1, 2, 3, 4]],
      ["5m", [1, 2, 3, 4]],
      ["last:1", [4]],
    ] as const) {
      const stream = await server.stream(`channel=${channel}&since=${since}`);
      expect((await untilInChannel(stream, channel, expected.length)).map(({ data }) => data)).toEqual([...expected]);
    }
  }),
  rule("a stream that resumes from a position that does not exist yet is told so", async (server) => {
    const channel = server.fresh("room");
    await server.publish({ channel, data: 1 });
    const stream = await server.stream(`channel=${channel}`, { "Last-Event-ID": cursorOf(channel, "another", 7) });
    expect(joinedIn(stream, channel)).toMatchObject({ offset: 1, from: 1, recovered: false, reason: "epoch-changed" });
    await untilInChannel(stream, channel, 1);
  }),
  rule(
    "a stream that resumes with another server's cursor opens, and is told that it was not recovered",
    async (server) => {
      const channel = server.fresh("room");
      await server.publish({ channel, data: 1 });
      const stream = await server.stream(`channel=${channel}`, { "Last-Event-ID": "urn:uuid:1b4e28ba" });
      expect(joinedIn(stream, channel)).toMatchObject({
        offset: 1,
        from: 1,
        recovered: false,
        reason: "epoch-changed",
      });
      await untilInChannel(stream, channel, 1);
    },
  ),
  rule("a stream accepts the last event ID as `lastEventId=` too", async (server) => {
    const channel = server.fresh("room");
    const first = await server.stream(`channel=${channel}`);
    await server.publish({ channel, data: 1 });
    await untilInChannel(first, channel, 1);
    const id = encodeURIComponent(first.lastEventId);
    const second = await server.stream(`channel=${channel}&lastEventId=${id}`);
    expect(joinedIn(second, channel)).toMatchObject({ recovered: true, from: 2 });
  }),
  rule("a stream with a forbidden channel opens with the others, and says so", async (server) => {
    const [user, other, channel] = [server.fresh("user"), server.fresh("user"), server.fresh("room")];
    const stream = await server.stream(`user_id=${user}&channel=@${other}&channel=${channel}`);
    const block = await stream.untilBlock(({ data }) => data?.includes('"type":"error"') === true);
    expect(JSON.parse(block.data ?? "")).toMatchObject({ code: "forbidden", channel: `@${other}` });
    await server.publish({ channel, data: 1 });
    await untilInChannel(stream, channel, 1);
  }),
  rule("HEAD on a stream has the headers of GET, and ends", async (server) => {
    const response = await server.request("HEAD", "/sse");
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(response.headers.get("Content-Type")).toStartWith("text/event-stream");
  }),
  rule("a stream that requests more channels than fit into a cursor is refused", async (server) => {
    const names = Array.from({ length: 30 }, (_, at) => `channel=${"c".repeat(180)}${at}`).join("&");
    const response = await server.request("GET", `/sse?${names}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "bad-request", field: "channel" });
  }),
];
