import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { nameOf } from "../../tests/fakes/hub.ts";
import type { Interest } from "../delivery/interest.ts";
import { ListenedChannels } from "./listened-channels.ts";

/** A directory of these channels of this worker and of the others. */
function directoryOf(here: readonly string[], elsewhere: readonly (readonly string[])[] = []) {
  const channels = new Map(here.map((it) => [nameOf(it), { name: nameOf(it) }]));
  const interest = { get: (it: ChannelName) => channels.get(it), channels: () => channels.values() };
  let answer = (_: unknown): unknown => undefined;
  const peers = {
    handle: (_: string, run: (body: never) => unknown) => {
      answer = run as typeof answer;
    },
    ask: async (_: string, { after }: { after: string }) =>
      elsewhere.map((names) => ({ body: names.filter((it) => it > after) })),
  };
  const broker = {
    tops: async (asked: readonly ChannelName[]) => new Map(asked.map((it) => [it, { epoch: "e", offset: 0 }])),
  };
  const directory = new ListenedChannels(interest as unknown as Interest, peers as never, broker);
  return { directory, answer: (body: unknown) => answer(body) };
}

describe("the channels that are listened to", () => {
  test("are listed by pages, each once: a page begins after the last name of the page before", async () => {
    const { directory } = directoryOf(["c", "a"], [["b", "c"], ["d"]]);
    const names: string[] = [];
    for (let after = "", page = 0; page < 5; page++) {
      const list = await directory.list("", after, 2);
      names.push(...list.map(({ channel }) => channel));
      after = names.at(-1) ?? "";
    }
    expect(names).toEqual(["a", "b", "c", "d"]);
  });

  test("are told to other workers by prefix and after a name, up to the limit", () => {
    const { answer } = directoryOf(["room:3", "room:1", "other", "room:2", "room:4"]);
    expect(answer({ prefix: "room:", after: "room:1", limit: 2 })).toEqual(["room:2", "room:3"]);
  });

  test("have a summary without messages, which a channel that only begins like another does not have", async () => {
    const { directory } = directoryOf(["room:1"], [["stage:1"]]);
    expect(await directory.summary(nameOf("room:1"))).toMatchObject({ channel: "room:1" });
    expect(await directory.summary(nameOf("room"))).toBeUndefined();
  });
});
