import { afterEach, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { EmbeddedBroker } from "../embedded/broker.ts";
import { MemoryLog } from "../memory/log.ts";
import { SharingBroker } from "./sharing-broker.ts";

const nothing = () => undefined;
let broker: SharingBroker | undefined;
afterEach(() => broker?.close());

/** A broker whose clients may use two channels each. @returns what happens when one reads a history or listens */
async function begin() {
  const clock = new MovedClock();
  const limits = { maxBytes: 10_000, maxChannels: 2, channelTtlMs: 60_000, maxEntries: 100 };
  const it = new SharingBroker(new EmbeddedBroker(new MemoryLog({ clock }), clock), limits, clock);
  broker = it;
  await it.start({ onPublication: nothing, onBreak: nothing, onReset: nothing, onHealth: nothing });
  const outcome = (done: Promise<unknown>) =>
    done.then(
      () => "ok",
      ({ code }: { code: unknown }) => code,
    );
  return {
    read: (channel: string, publisher?: string) =>
      outcome(it.history(channel as ChannelName, { from: "earliest" }, { limit: 1, maxBytes: 1, publisher })),
    listen: (channel: string, publisher?: string) => outcome(it.listen(channel as ChannelName, publisher)),
  };
}

test("channels whose history a client reads are counted with those it listens to, exactly", async () => {
  const { read, listen } = await begin();
  expect([await read("a", "user:mallory"), await listen("b", "user:mallory")]).toEqual(["ok", "ok"]);
  expect([await read("c", "user:mallory"), await listen("d", "user:mallory")]).toEqual(
    Array(2).fill("too-many-channels"),
  );
  expect([await read("a", "user:mallory"), await read("c", "user:bob")]).toEqual(["ok", "ok"]);
});

test("everyone's channel, users' channels and requests of the server are not counted", async () => {
  const { read, listen } = await begin();
  for (const channel of ["all", "@mallory", "a", "b"]) expect(await read(channel, "user:mallory")).toBe("ok");
  expect([await listen("@mallory", "user:mallory"), await listen("all", "user:mallory")]).toEqual(["ok", "ok"]);
  for (const channel of ["c", "d", "e"]) expect(await read(channel)).toBe("ok");
});
