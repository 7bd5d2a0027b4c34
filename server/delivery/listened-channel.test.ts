import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { makePush, room } from "../../tests/fakes/publication.ts";
import { makeSession, putInto } from "../../tests/fakes/session.ts";
import { ChunkPool } from "../broker/records/chunk-pool.ts";
import { ListenedChannel } from "./listened-channel.ts";

function makeChannel(name = room) {
  return new ListenedChannel(
    name,
    { epoch: "e1", offset: 5 },
    { perChannel: 1000, total: 1000, bytes: 0, chunks: new ChunkPool() },
  );
}

/** The sessions in the list of level ones, and whether each knows its own index. */
function levelOf(channel: ListenedChannel) {
  expect(channel.level.map(({ slot }) => slot)).toEqual(channel.level.map((_, index) => index));
  return channel.level.map(({ session }) => session.id);
}

describe("a listened channel", () => {
  test("a level session that leaves is replaced by the last one", () => {
    const channel = makeChannel();
    const [a] = ["a", "b", "c"].map((id) => putInto(channel, makeSession(id).session));
    if (a !== undefined) channel.remove(a);
    expect(levelOf(channel)).toEqual(["c", "b"]);
    expect(a).toMatchObject({ isOver: true, isLevel: false });
  });

  test("the last session and the only session can leave", () => {
    const channel = makeChannel();
    const [a, b] = [putInto(channel, makeSession("a").session), putInto(channel, makeSession("b").session)];
    channel.remove(b);
    expect(levelOf(channel)).toEqual(["a"]);
    channel.remove(a);
    expect([levelOf(channel), channel.isEmpty]).toEqual([[], true]);
  });

  test("a lagging session keeps its own cursor, a level one has the channel's", () => {
    const channel = makeChannel();
    const member = putInto(channel, makeSession().session, 2);
    expect([member.cursor, member.cursorText]).toEqual([2, "room~e1~2"]);
    channel.makeLevel(member);
    expect([member.cursor, member.cursorText, channel.lagging.size]).toEqual([5, "room~e1~5", 0]);
    channel.makeLagging(member, 5);
    channel.tail.append(makePush(6));
    channel.tail.flush();
    expect([member.cursor, channel.level, channel.lagging.size]).toEqual([5, [], 1]);
  });

  test("its members are the level and the lagging sessions", () => {
    const channel = makeChannel();
    putInto(channel, makeSession("a").session, 1);
    putInto(channel, makeSession("b").session);
    expect(Array.from(channel.members(), ({ session }) => session.id).sort()).toEqual(["a", "b"]);
  });

  test("leaving twice has no further effect", () => {
    const channel = makeChannel();
    const [a] = [putInto(channel, makeSession("a").session), putInto(channel, makeSession("b").session)];
    channel.remove(a);
    channel.remove(a);
    expect(levelOf(channel)).toEqual(["b"]);
  });

  test("its part of a cursor contains offset and epoch, and is percent-encoded", () => {
    const channel = makeChannel("a/b,c" as ChannelName);
    expect(channel.levelCursor).toBe("a%2Fb%2Cc~e1~5");
    channel.tail.append(makePush(6));
    expect(channel.levelCursor).toBe("a%2Fb%2Cc~e1~5");
    channel.tail.flush();
    expect(channel.levelCursor).toBe("a%2Fb%2Cc~e1~6");
    channel.tail.reset({ epoch: "e2", offset: 6 });
    expect([channel.levelCursor, channel.cursorPrefix]).toEqual(["a%2Fb%2Cc~e2~6", "a%2Fb%2Cc~e2~"]);
  });
});
