import { expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { makePush } from "../../tests/fakes/publication.ts";
import { ChunkPool } from "../broker/records/chunk-pool.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { Membership } from "../session/session.ts";
import { BusyChannels } from "./busy-channels.ts";
import { ListenedChannel } from "./listened-channel.ts";

function make(...names: readonly string[]) {
  const clock = new MovedClock();
  const budget = { perChannel: 10_000, total: 10_000, bytes: 0, chunks: new ChunkPool() };
  const channels = names.map((name) => new ListenedChannel(name as ChannelName, { epoch: "e1", offset: 0 }, budget));
  const busy = new BusyChannels({ channels: () => channels }, clock);
  const publish = (index: number, count: number) => {
    const tail = channels[index]?.tail;
    for (let n = 0; n < count; n++) tail?.append(makePush((tail?.head ?? 0) + 1));
  };
  const join = (index: number, count: number) => {
    for (let n = 0; n < count; n++) channels[index]?.level.push({} as Membership);
  };
  return { clock, busy, publish, join };
}

const shown = (busy: BusyChannels, count = 10) =>
  busy.top(count).busiest.map(({ channel, messages_per_s }) => `${channel} ${messages_per_s}`);

test("the busiest channels come first, and silent ones are left out", () => {
  const { clock, busy, publish } = make("a", "b", "silent");
  publish(0, 4);
  publish(1, 20);
  clock.move(4000);
  expect(shown(busy)).toEqual(["b 5", "a 1"]);
});

test("a rate is that of the time since the last question", () => {
  const { clock, busy, publish } = make("a");
  publish(0, 4);
  clock.move(4000);
  expect(shown(busy)).toEqual(["a 1"]);
  clock.move(4000);
  expect(shown(busy)).toEqual([]);
});

test("a second question at the same time gets the same answer", () => {
  const { clock, busy, publish } = make("a");
  publish(0, 4);
  clock.move(4000);
  expect(shown(busy)).toEqual(["a 1"]);
  publish(0, 100);
  clock.move(100);
  expect(shown(busy)).toEqual(["a 1"]);
});

test("as many as asked for are listed", () => {
  const { clock, busy, publish } = make("a", "b", "c");
  for (const index of [0, 1, 2]) publish(index, index + 1);
  clock.move(2000);
  expect(shown(busy, 2)).toEqual(["c 1.5", "b 1"]);
});

test("the largest channels come first, without those of single users and of the server", () => {
  const { clock, busy, join } = make("a", "b", "c", "empty", "@alice", "#presence");
  for (const [index, count] of [3, 5, 4, 0, 9, 9].entries()) join(index, count);
  clock.move(2000);
  expect(busy.top(10).largest).toEqual(["b", "c", "a"] as ChannelName[]);
  clock.move(2000);
  expect(busy.top(2).largest).toEqual(["b", "c"] as ChannelName[]);
});
