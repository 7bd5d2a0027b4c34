import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Draft } from "../../../protocol/publication.ts";
import { formatDraft, formatEphemeral, parseStored, parseTopicMessage } from "./publication-text.ts";

const channel = "room:1" as ChannelName;
const draft: Draft = {
  channel,
  message: "two\nlines and a 💡",
  data: '{"big":9007199254740993}',
  event: "note",
  sender: "Alice",
  headers: { traceparent: "00-1" },
  excludeConnectionId: "c_1",
};

describe("a publication as text", () => {
  test("is parsed without loss, including numbers beyond 2^53", () => {
    const position = { epoch: "k3x9", offset: 17 };
    const publication = parseStored(channel, position, 1_764_345_600_123, formatDraft(draft, "m-1"));
    expect(publication).toEqual({ ...draft, ...position, id: "m-1", timestamp: 1_764_345_600_123 });
  });

  test("on a topic begins with its position and time", () => {
    const text = `k3x9 17 1764345600123\n${formatDraft(draft, "m-1")}`;
    expect(parseTopicMessage(channel, text)).toMatchObject({
      kind: "publication",
      publication: { epoch: "k3x9", offset: 17, timestamp: 1_764_345_600_123, message: draft.message },
    });
  });

  test("that is ephemeral has no position", () => {
    const message = parseTopicMessage(channel, formatEphemeral({ ...draft, ephemeral: true }, "m-2", 5));
    expect(message).toEqual({
      kind: "publication",
      publication: { ...draft, id: "m-2", epoch: "", offset: 0, timestamp: 5 },
    });
  });

  test("a reset contains the new top of the channel", () => {
    expect(parseTopicMessage(channel, "reset q71m 12")).toEqual({ kind: "reset", top: { epoch: "q71m", offset: 12 } });
  });

  test.each(["", "hello", "k3x9 17", "k3x9 x 5\n{}", "a 1.5 5\n{}"])("%j from another program is ignored", (text) => {
    expect(parseTopicMessage(channel, text)).toBeUndefined();
  });
});
