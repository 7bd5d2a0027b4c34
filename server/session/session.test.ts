import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { makeSession } from "../../tests/fakes/session.ts";
import { sseForm } from "../../tests/fakes/wire-forms.ts";
import type { ChannelView } from "./channel-view.ts";
import { Membership } from "./session.ts";

function channelOf(name: string, flushed = 3): ChannelView {
  const cursorPrefix = `${name}~e1~`;
  return { name: name as ChannelName, epoch: "e1", flushed, cursorPrefix, levelCursor: cursorPrefix + flushed };
}

/** A session in this many channels: `c0`, `c1` … */
function makeMember(channels: number) {
  const { session, connection } = makeSession();
  for (let at = 0; at < channels; at++) session.memberships.add(new Membership(session, channelOf(`c${at}`), at));
  return { session, connection };
}

describe("a session", () => {
  test.each([1, 8, 9, 100])("finds, counts and removes its channels, be they %p", (channels) => {
    const { session } = makeMember(channels);
    const { memberships } = session;
    const last = `c${channels - 1}` as ChannelName;
    expect([memberships.size, memberships.get(last)?.cursor]).toEqual([channels, channels - 1]);
    expect(memberships.get("none" as ChannelName)).toBeUndefined();
    memberships.delete(last);
    memberships.delete(last);
    expect([memberships.size, memberships.get(last), memberships.names().length]).toEqual([
      channels - 1,
      undefined,
      channels - 1,
    ]);
    memberships.add(new Membership(session, channelOf(last), 7));
    expect([memberships.get(last)?.cursor, [...memberships].at(-1)?.cursor]).toEqual([7, 7]);
  });

  test("can leave all its channels during an iteration over them", () => {
    const { session } = makeMember(20);
    for (const name of session.memberships.names()) session.memberships.delete(name);
    expect([session.memberships.size, [...session.memberships]]).toEqual([0, []]);
  });

  test("is level when all its channels are", () => {
    const { session } = makeMember(2);
    expect(session.isLevel).toBe(false);
    for (const membership of session.memberships) membership.levelAt(0);
    expect(session.isLevel).toBe(true);
  });

  test("has a cursor of all its channels: its own position if it lags, the channel's if it is level", () => {
    const { session } = makeMember(2);
    for (const membership of session.memberships) if (membership.channel.name === "c1") membership.levelAt(0);
    expect(session.cursor()).toBe("c0~e1~0,c1~e1~3");
  });

  test("writes its position with every frame of a stream", () => {
    const connection = new FakeConnection(sseForm);
    const cursors: (string | undefined)[] = [];
    connection.onAccepted = ({ cursor }) => cursors.push(cursor);
    const { session } = makeSession("c_1", { connection });
    session.memberships.add(new Membership(session, channelOf("c0"), 2));
    session.sendFrame({ type: "pong" });
    expect(cursors).toEqual(["c0~e1~2"]);
  });

  test("that can no longer be sent a frame is closed as too slow", () => {
    const connection = new FakeConnection(undefined, { fullBytes: 0, refuseBytes: 0 });
    const { session } = makeSession("c_1", { connection });
    connection.stall();
    session.sendFrame({ type: "pong" });
    expect(session.closed).toBeUndefined();
    session.sendFrame({ type: "pong" });
    expect([session.closed?.name, connection.closedWith?.name]).toEqual(["too-slow", "too-slow"]);
  });

  test("closes once: the first reason counts, and nothing is sent after it", () => {
    const { session, connection } = makeMember(1);
    session.close({ name: "replaced" });
    session.close({ name: "internal" });
    session.sendFrame({ type: "pong" });
    expect([session.closed?.name, connection.closedWith?.name, connection.accepted]).toEqual([
      "replaced",
      "replaced",
      [],
    ]);
  });
});
