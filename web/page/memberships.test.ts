import { describe, expect, test } from "bun:test";
import { type ChannelName, everyone, parseChannelName, userChannel } from "../../protocol/channel-name.ts";
import { ScriptedEnvironment } from "../../tests/client/scripted-environment.ts";
import { Memberships } from "./memberships.ts";

const room = named("room:1");
const live = { epoch: "k3x9", offset: 9, from: 10 };

function named(text: string): ChannelName {
  const channel = parseChannelName(text);
  if (channel === undefined) throw new Error(`${text} is not a channel`);
  return channel;
}

/** A connected page, and the calls that it received. */
async function connected() {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  const calls: unknown[] = [];
  const memberships = new Memberships(client, {
    onMessage: ({ channel, data }) => calls.push(["message", channel, data]),
    onGap: (channel, { from, to }) => calls.push(["gap", channel, from, to]),
    onRefused: (channel, { code }) => calls.push(["refused", channel, code]),
    onPresence: (channel, here) => calls.push(["presence", channel, here?.users]),
  });
  return { environment, client, socket, memberships, calls };
}

describe("memberships", () => {
  test("deliver messages, and none after they are left", async () => {
    const { environment, socket, memberships, calls } = await connected();
    expect(memberships.join(room)).toBe(true);
    await environment.move(0);
    socket.subscribed(room, live);
    socket.message(room, 10, "Hi");
    socket.message(room, 13, "there");
    memberships.leave(room);
    socket.message(room, 14, "too late");
    await environment.move(0);
    expect(calls).toEqual([
      ["message", room, "Hi"],
      ["gap", room, 11, 12],
      ["message", room, "there"],
    ]);
    expect(socket.commands.at(-1)).toEqual({ type: "unsubscribe", channel: room });
    expect(memberships.channels).toEqual([]);
  });

  test("are joined once, however often they are requested", async () => {
    const { environment, socket, memberships, calls } = await connected();
    memberships.join(room);
    expect(memberships.join(room)).toBe(false);
    await environment.move(0);
    socket.subscribed(room, live);
    socket.message(room, 10);
    expect(calls).toHaveLength(1);
  });

  test("that are refused are removed, and the page says why", async () => {
    const { environment, socket, memberships, calls } = await connected();
    memberships.join(room);
    await environment.move(0);
    socket.deliver({ type: "error", ref: socket.refOf("subscribe"), code: "forbidden", message: "no" });
    expect(calls).toEqual([["refused", room, "forbidden"]]);
    expect(memberships.channels).toEqual([]);
  });
});

describe("presence", () => {
  test("is requested for plain channels, and not again before the answer arrives", async () => {
    const { environment, socket, memberships, calls } = await connected();
    for (const channel of [everyone, userChannel("alice"), room]) memberships.join(channel);
    await environment.move(0);
    const asked = () => socket.commands.filter(({ type }) => type === "presence");
    memberships.refresh();
    memberships.refresh();
    expect(asked()).toEqual([{ type: "presence", channel: room }]);
    socket.deliver({ type: "presence", ref: socket.refOf("presence"), channel: room, count: 1, users: ["alice"] });
    await environment.move(0);
    expect(calls).toEqual([["presence", room, ["alice"]]]);
    memberships.refresh();
    expect(asked()).toHaveLength(2);
  });

  test.each([
    { type: "presence", channel: room, count: 0, users: [] },
    { type: "error", code: "forbidden", message: "no" },
  ])("is unknown if the answer is %j", async (answer) => {
    const { environment, socket, memberships, calls } = await connected();
    memberships.join(room);
    memberships.refresh();
    socket.deliver({ ...answer, ref: socket.refOf("presence") });
    await environment.move(0);
    expect(calls).toEqual([["presence", room, undefined]]);
  });

  test("is not requested without a connection", async () => {
    const { client, socket, memberships } = await connected();
    memberships.join(room);
    client.close();
    memberships.refresh();
    expect(socket.commands.filter(({ type }) => type === "presence")).toEqual([]);
  });
});
