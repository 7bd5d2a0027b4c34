import { expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Since } from "../../protocol/position.ts";
import { room } from "../../tests/fakes/publication.ts";
import type { History } from "../broker/log.ts";
import { shareHistory } from "./shared-history.ts";

const answer: History = { top: { epoch: "e1", offset: 3 }, publications: [], gap: undefined };
const after = (offset: number): Since => ({ from: "position", position: { epoch: "e1", offset } });

/** A history whose answers the test controls. */
function makeShared(maxReads = 16) {
  const asked: { resolve(history: History): void; reject(error: Error): void }[] = [];
  const read = shareHistory(() => new Promise((resolve, reject) => asked.push({ resolve, reject })), maxReads);
  return { asked, read };
}

test("sends one request for equal questions while it is in flight, and a new one afterwards", async () => {
  const { asked, read } = makeShared();
  const answers = [
    read(room, after(1), { limit: 10, maxBytes: 1000 }),
    read(room, after(1), { limit: 10, maxBytes: 1000 }),
  ];
  expect(asked).toHaveLength(1);
  asked[0]?.resolve(answer);
  expect(await Promise.all(answers)).toEqual([answer, answer]);
  void read(room, after(1), { limit: 10, maxBytes: 1000 });
  expect(asked).toHaveLength(2);
});

test.each<[string, ChannelName, Since, number, number]>([
  ["another channel", "other" as ChannelName, after(1), 10, 1000],
  ["another offset", room, after(2), 10, 1000],
  ["another limit", room, after(1), 11, 1000],
  ["another number of bytes", room, after(1), 10, 1001],
  ["another method", room, { from: "last", count: 1 }, 10, 1000],
])("sends %s as a separate request", (_, channel, since, limit, maxBytes) => {
  const { asked, read } = makeShared();
  void read(room, after(1), { limit: 10, maxBytes: 1000 });
  void read(channel, since, { limit, maxBytes });
  expect(asked).toHaveLength(2);
});

test("a failure rejects all waiting callers, and the next call sends a new request", async () => {
  const { asked, read } = makeShared();
  const answers = [
    read(room, after(1), { limit: 10, maxBytes: 1000 }),
    read(room, after(1), { limit: 10, maxBytes: 1000 }),
  ];
  asked[0]?.reject(new Error("away"));
  for (const it of answers) expect(it).rejects.toThrow("away");
  await Promise.allSettled(answers);
  void read(room, after(1), { limit: 10, maxBytes: 1000 });
  expect(asked).toHaveLength(2);
});

test("limits the requests in flight, and sends the next one when an answer arrives", async () => {
  const { asked, read } = makeShared(2);
  const answers = [1, 2, 3].map((offset) => read(room, after(offset), { limit: 10, maxBytes: 1000 }));
  expect(asked).toHaveLength(2);
  asked[1]?.resolve(answer);
  await answers[1];
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toHaveLength(3);
});
