import { expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { fc } from "../../../tests/property.ts";
import { KeyNames } from "./keys.ts";
import { Listening } from "./listening.ts";

const rooms = ["one", "two", "three"] as ChannelName[];
const keys = new KeyNames("test", 0);

function world() {
  const commands: string[] = [];
  const subscribed = new Set<string>();
  const store = {
    subscribe: async (topics: readonly string[]) => {
      commands.push("SUBSCRIBE");
      for (const topic of topics) subscribed.add(topic);
    },
    unsubscribe: async (topics: readonly string[]) => {
      commands.push("UNSUBSCRIBE");
      for (const topic of topics) subscribed.delete(topic);
    },
  };
  return { commands, subscribed, listening: new Listening(store, keys) };
}

test("all channels of one turn share one command", async () => {
  const { commands, subscribed, listening } = world();
  await Promise.all(rooms.map((it) => listening.add(it)));
  expect([commands, subscribed.size]).toEqual([["SUBSCRIBE"], 3]);
  await Promise.all(rooms.map((it) => listening.remove(it)));
  expect([commands, subscribed.size]).toEqual([["SUBSCRIBE", "UNSUBSCRIBE"], 0]);
});

test("the worker is subscribed to what it listens to, in whichever order channels are added and removed within a turn", async () => {
  const change = fc.record({ at: fc.nat(rooms.length - 1), isAdded: fc.boolean() });
  const turns = fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(turns, async (all) => {
      const { subscribed, listening } = world();
      const wanted = new Set<string>();
      for (const turn of all) {
        const changes = turn.map(({ at, isAdded }) => {
          const room = rooms[at] as ChannelName;
          if (isAdded) wanted.add(keys.topicOf(room));
          else wanted.delete(keys.topicOf(room));
          return isAdded ? listening.add(room) : listening.remove(room);
        });
        await Promise.all(changes);
      }
      expect([...subscribed].toSorted()).toEqual([...wanted].toSorted());
    }),
  );
});
