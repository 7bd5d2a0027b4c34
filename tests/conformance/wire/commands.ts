import { expect } from "bun:test";
import type { Frame } from "../../e2e/socket.ts";
import { ask, inChannel, joinedIn, rule, untilInChannel, type WireRule } from "./wire-server.ts";

/** §3: commands and their answers. */
export const commandRules: readonly WireRule[] = [
  rule("text that is not a JSON object is a chat message to everyone, including the sender", async (server) => {
    const [one, other] = [await server.open(), await server.open()];
    const text = `Hello ${server.fresh("id")}`;
    one.send(text);
    for (const socket of [one, other]) {
      const frame = await socket.until((it) => it.message === text);
      expect(frame).toMatchObject({ type: "message", channel: "all", offset: expect.any(Number) });
      expect(frame.timestamp).toEndWith("Z");
    }
  }),
  rule("a chat message carries its sender", async (server) => {
    const socket = await server.open();
    const message = `Hi ${server.fresh("id")}`;
    socket.send({ type: "message", message, sender: "Alice", unknown: "field" });
    expect(await socket.until((it) => it.message === message)).toMatchObject({ type: "message", sender: "Alice" });
  }),
  rule("`send_now` sends `IM sent` to everyone", async (server) => {
    const [one, other] = [await server.open(), await server.open()];
    one.send("send_now");
    const frames = [one, other].map((it) => it.until(({ message }) => message === "IM sent"));
    for (const frame of await Promise.all(frames)) expect(frame).toMatchObject({ type: "message", channel: "all" });
  }),
  rule("a publication is acknowledged with its position, and arrives with all its fields", async (server) => {
    const channel = server.fresh("room");
    const [one, other] = [await server.open(`channel=${channel}`), await server.open(`channel=${channel}`)];
    const labels = { event: "price.changed", sender: "Bob", key: "k1", headers: { traceparent: "00-ab-cd-01" } };
    const body = { id: "first", message: "text", data: { a: [1, null, "ü"] }, ...labels };
    const ack = await ask(one, { type: "publish", channel, ...body });
    const { epoch } = joinedIn(one, channel);
    expect(ack).toEqual({ type: "ack", ref: ack.ref, channel, id: "first", epoch, offset: 1, duplicate: false });
    for (const socket of [one, other]) {
      const [frame] = await untilInChannel(socket, channel, 1);
      expect(frame).toEqual({ type: "message", channel, offset: 1, timestamp: frame?.timestamp, ...body });
    }
  }),
  rule(
    "a numeric `ref` is returned as a number, and a command without `ref` gets an answer without it",
    async (server) => {
      const socket = await server.open();
      socket.send({ type: "ping", ref: 7 });
      expect(await socket.until((it) => it.type === "pong")).toEqual({ type: "pong", ref: 7 });
      socket.send({ type: "presence", channel: "all" });
      expect(await socket.until((it) => it.type === "presence")).not.toHaveProperty("ref");
    },
  ),
  rule("`echo: false` excludes only the publisher, which receives an `advance`", async (server) => {
    const channel = server.fresh("room");
    const [one, other] = [await server.open(`channel=${channel}`), await server.open(`channel=${channel}`)];
    await ask(one, { type: "publish", channel, message: "not to me", echo: false });
    await ask(one, { type: "publish", channel, message: "to me" });
    expect(await untilInChannel(other, channel, 2)).toMatchObject([{ offset: 1 }, { offset: 2 }]);
    await untilInChannel(one, channel, 1);
    const seen = one.frames.filter((it) => it.channel === channel && it.ref === undefined);
    expect(seen).toEqual([{ type: "advance", channel, offset: 1 }, expect.objectContaining({ offset: 2 })]);
  }),
  rule("an ephemeral message arrives in order without an offset, and is not stored", async (server) => {
    const channel = server.fresh("room");
    const [one, other] = [await server.open(`channel=${channel}`), await server.open(`channel=${channel}`)];
    await ask(one, { type: "publish", channel, message: "a" });
    const ack = await ask(one, { type: "publish", channel, message: "typing", ephemeral: true });
    expect(ack).toMatchObject({ type: "ack", duplicate: false });
    expect(ack).not.toHaveProperty("offset");
    await ask(one, { type: "publish", channel, message: "b" });
    const seen = await untilInChannel(other, channel, 3);
    expect(seen.map(({ message, offset }) => [message, offset])).toEqual([
      ["a", 1],
      ["typing", undefined],
      ["b", 2],
    ]);
    expect(await ask(other, { type: "history", channel })).toMatchObject({ messages: [{ offset: 1 }, { offset: 2 }] });
  }),
  rule(
    "a repeated id of one publisher is stored once, and the second answer has the position of the first, whatever the body",
    async (server) => {
      const channel = server.fresh("room");
      const socket = await server.open(`channel=${channel}`);
      const first = await ask(socket, { type: "publish", channel, id: "same", message: "first" });
      await ask(socket, { type: "publish", channel, message: "between" });
      const second = await ask(socket, { type: "publish", channel, id: "same", message: "second" });
      expect(second).toMatchObject({ epoch: first.epoch, offset: 1, duplicate: true });
      const other = await server.publish({ channel, id: "same", message: "of another publisher" });
      expect(other).toMatchObject({ offset: 3, duplicate: false });
      expect(await server.publish({ channel, id: "same", data: 3 })).toMatchObject({ offset: 3, duplicate: true });
      await ask(socket, { type: "publish", channel, message: "last" });
      const seen = await untilInChannel(socket, channel, 4);
      expect(seen.map(({ message }) => message)).toEqual(["first", "between", "of another publisher", "last"]);
    },
  ),
  rule("a subscription is answered before its first message, and repeating it changes nothing", async (server) => {
    const channel = server.fresh("room");
    for (let at = 1; at <= 3; at++) await server.publish({ channel, data: at });
    const socket = await server.open();
    const { epoch } = await ask(socket, { type: "presence", channel }).then(() => server.publish({ channel, data: 4 }));
    const joined = await ask(socket, { type: "subscribe", channel, since: { epoch, offset: 1 } });
    expect(joined).toMatchObject({ type: "subscribed", channel, epoch, offset: 4, from: 2, recovered: true });
    const again = await ask(socket, { type: "subscribe", channel, since: "earliest" });
    expect(again).toMatchObject({ type: "subscribed", channel, epoch, offset: 4 });
    await server.publish({ channel, data: 5 });
    const seen = await untilInChannel(socket, channel, 4);
    expect(seen.map(({ offset }) => offset)).toEqual([2, 3, 4, 5]);
    const order = socket.frames.filter((it) => it.channel === channel).map(({ type }) => type);
    expect(order.indexOf("subscribed")).toBeLessThan(order.indexOf("message"));
  }),
  rule(
    "after an unsubscription from a channel, `all` or the user's own channel, none of its messages arrive",
    async (server) => {
      const [user, room] = [server.fresh("user"), server.fresh("room")];
      const socket = await server.open(`user_id=${user}&channel=${room}`);
      const other = await server.open(`channel=${room}`);
      for (const channel of [room, "all", `@${user}`]) {
        expect(await ask(socket, { type: "unsubscribe", channel })).toMatchObject({ type: "unsubscribed", channel });
        const message = server.fresh("id");
        await server.publish({ channel, message });
        if (channel !== `@${user}`) await other.until((it) => it.message === message);
      }
      await ask(socket, { type: "ping" });
      expect(inChannel(socket, room).concat(inChannel(socket, `@${user}`))).toEqual([]);
      expect(socket.frames.findLast(({ type }) => type !== "system")).toMatchObject({ type: "pong" });
      expect(await ask(socket, { type: "subscribe", channel: room })).toMatchObject({ offset: 1, from: 2 });
    },
  ),
  rule("commands of one connection take effect in order", async (server) => {
    const channel = server.fresh("room");
    const socket = await server.open();
    const commands = ["publish", "subscribe", "publish", "unsubscribe", "publish", "subscribe", "publish"];
    for (const [ref, type] of commands.entries())
      socket.send({ type, channel, ref, ...(type === "publish" ? { data: ref } : {}) });
    await socket.until((it) => it.ref === commands.length - 1);
    await socket.until((it) => it.type === "message" && it.offset === 4);
    const answers = socket.frames.filter(({ ref }) => ref !== undefined);
    expect(answers.map(({ ref }) => ref)).toEqual(commands.map((_, ref) => ref));
    expect(answers.filter(({ type }) => type === "ack").map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
    const places = ["unsubscribed", "subscribed"].map((type) => socket.frames.findLastIndex((it) => it.type === type));
    const outside = socket.frames.slice(...places).filter((it) => it.type === "message" && it.channel === channel);
    expect(outside).toEqual([]);
  }),
  rule("history can be read without joining, from a position, with a keyword, or from the end", async (server) => {
    const channel = server.fresh("room");
    for (let at = 1; at <= 5; at++) await server.publish({ channel, data: at });
    const socket = await server.open();
    const all = await ask(socket, { type: "history", channel });
    expect(all).toMatchObject({ type: "history", channel, offset: 5, complete: true });
    const offsets = async (command: object) => {
      const { messages } = await ask(socket, { type: "history", channel, ...command });
      return (messages as { offset: number }[]).map(({ offset }) => offset);
    };
    expect(await offsets({})).toEqual([1, 2, 3, 4, 5]);
    expect(await offsets({ limit: 2 })).toEqual([4, 5]);
    expect(await offsets({ since: { epoch: all.epoch, offset: 2 }, limit: 2 })).toEqual([3, 4]);
    expect(await offsets({ since: { epoch: all.epoch, offset: 5 } })).toEqual([]);
    expect(await offsets({ since: "earliest", limit: 1 })).toEqual([1]);
    expect(await offsets({ since: "last:3" })).toEqual([3, 4, 5]);
    expect(await ask(socket, { type: "history", channel, since: { epoch: "another", offset: 1 } })).toMatchObject({
      complete: false,
      reason: "epoch-changed",
    });
    expect(inChannel(socket, channel)).toEqual([]);
  }),
  rule("presence counts connections and lists users", async (server) => {
    const [user, channel] = [server.fresh("user"), server.fresh("room")];
    const socket = await server.open(`user_id=${user}&channel=${channel}`);
    const second = await server.open(`user_id=${user}&channel=${channel}`);
    const guest = await server.open(`channel=${channel}`);
    const answer = await ask(socket, { type: "presence", channel });
    expect(answer).toMatchObject({ type: "presence", ref: answer.ref, channel, count: 3, users: [user] });
    const members = answer.members as readonly Frame[];
    const idOf = ({ welcome }: { readonly welcome: Frame }) => String(welcome.connection_id);
    expect(members[0]).toMatchObject({ connection_id: idOf(guest) });
    expect(members.slice(1).map(({ user_id }) => user_id)).toEqual([user, user]);
    expect(members.slice(1).map(({ connection_id }) => String(connection_id))).toEqual(
      [idOf(socket), idOf(second)].toSorted(),
    );
  }),
];
