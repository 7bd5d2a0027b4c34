import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { turn } from "../../tests/waiting.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { noEpoch, type PresencePosition, type PresenceUpdate } from "./presence-store.ts";
import { WatchedChannels } from "./watched-channels.ts";

const room = "room" as ChannelName;
const presence = { id: "c", userId: "u", info: undefined, since: 0 };
const update = (epoch: string, from: number, to = from): PresenceUpdate => ({
  epoch,
  events: Array.from({ length: to - from + 1 }, (_, at) => {
    return { kind: "joined" as const, position: from + at, count: 1, presence, at: 0 };
  }),
});

/** Channels on a store that answers when the test says so. */
function begin() {
  const clock = new MovedClock();
  const asked: PromiseWithResolvers<PresencePosition>[] = [];
  const unwatched: string[] = [];
  const news: string[] = [];
  const watch = () => {
    const answer = Promise.withResolvers<PresencePosition>();
    asked.push(answer);
    return answer.promise;
  };
  const watched = new WatchedChannels({ watch, unwatch: (it) => unwatched.push(it) }, clock, (_, it) => {
    news.push(it === "reset" ? it : it.events.map(({ position }) => position).join());
  });
  const answer = async (epoch: string, position: number) => {
    asked.shift()?.resolve({ epoch, position });
    await turn();
  };
  const ready = async (epoch = "e", position = 5) => {
    const promise = watched.ready(room);
    await answer(epoch, position);
    await promise;
    watched.use(room, true);
  };
  return { clock, watched, asked, unwatched, news, answer, ready };
}

describe("the clients in a channel", () => {
  test("are told the events after the position at which they joined, once each", async () => {
    const { watched, news, ready } = begin();
    await ready();
    expect(watched.ready(room)).toBeUndefined();
    watched.receive(room, update("e", 4, 7));
    watched.receive(room, update("e", 7, 8));
    watched.receive(room, update("e", 8));
    expect(news).toEqual(["6,7", "8"]);
  });

  test.each([
    ["a hole", update("e", 7)],
    ["another epoch", update("f", 6)],
  ])("are told to ask again after %s, and then what follows", async (_, strange) => {
    const { watched, news, ready } = begin();
    await ready();
    watched.receive(room, strange);
    const last = strange.events.at(-1)?.position ?? 0;
    watched.receive(room, update(strange.epoch, last + 1));
    expect(news).toEqual(["reset", `${last + 1}`]);
  });

  test("are told the first event of a channel that was empty", async () => {
    const { watched, news, ready } = begin();
    await ready(noEpoch, 0);
    watched.receive(room, update("e", 1));
    expect(news).toEqual(["1"]);
  });

  test("need no events that arrive before the answer, and miss none after it", async () => {
    const { watched, news, answer } = begin();
    const promise = watched.ready(room);
    watched.receive(room, update("e", 6));
    await answer("e", 5);
    await promise;
    watched.receive(room, update("e", 7));
    expect(news).toEqual(["7"]);
  });

  test("are told to request the presence again after a break with changes, and otherwise nothing", async () => {
    const { watched, news, answer, ready } = begin();
    await ready();
    watched.checkAll();
    await turn();
    await answer("e", 5);
    expect(news).toEqual([]);
    watched.checkAll();
    await turn();
    await answer("e", 6);
    expect(news).toEqual(["reset"]);
    watched.receive(room, update("e", 6, 7));
    expect(news).toEqual(["reset", "7"]);
  });

  test("are told so even if the store does not answer at first", async () => {
    const { clock, watched, asked, news, answer, ready } = begin();
    await ready();
    watched.checkAll();
    await turn();
    asked.shift()?.reject(new Error("away"));
    await turn();
    await clock.moveInSteps(1000, 100);
    await answer("f", 1);
    expect(news).toEqual(["reset"]);
  });
});

test("a channel that cannot be watched is not ready", async () => {
  const { watched, asked } = begin();
  const promise = watched.ready(room);
  asked.shift()?.reject(new Error("away"));
  await expect(promise ?? Promise.resolve()).rejects.toThrow("away");
  expect(watched.ready(room)).toBeInstanceOf(Promise);
});

test("a channel is watched for ten seconds after its last client has left", async () => {
  const { clock, watched, unwatched, ready } = begin();
  await ready();
  await clock.moveInSteps(60_000, 1000);
  expect(unwatched).toEqual([]);
  watched.use(room, false);
  await clock.moveInSteps(9000, 1000);
  expect(unwatched).toEqual([]);
  await clock.moveInSteps(12_000, 1000);
  expect(unwatched).toEqual(["room"]);
});
