import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import { a, b, IpcWorld, rules } from "../../../tests/ipc/ipc-world.ts";
import { encodeFrame } from "../../lib/link/frame.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import type { Broker, BrokerEvents, ChannelDirectory } from "../broker.ts";
import { EmbeddedBroker } from "../embedded/broker.ts";
import { MemoryLog } from "../memory/log.ts";
import { IpcHost } from "./host.ts";
import { ipcProtocol } from "./messages.ts";

let world: IpcWorld;

beforeEach(() => {
  world = new IpcWorld();
});

afterEach(() => world.end());

/** A broker that records its calls, and whose events the test reports. */
class WatchedBroker implements Broker, ChannelDirectory {
  readonly asked: string[] = [];
  events: BrokerEvents | undefined;
  isClosed = false;
  readonly #inner = new EmbeddedBroker(new MemoryLog());

  start(events: BrokerEvents): Promise<void> {
    this.events = events;
    return this.#inner.start(events);
  }

  listen(channel: ChannelName): Promise<Position> {
    this.asked.push(`listen ${channel}`);
    return this.#inner.listen(channel);
  }

  unlisten(channel: ChannelName): Promise<void> {
    this.asked.push(`unlisten ${channel}`);
    return this.#inner.unlisten(channel);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return this.#inner.close();
  }

  publish: Broker["publish"] = (...asked) => this.#inner.publish(...asked);
  readonly history: Broker["history"] = (...asked) => this.#inner.history(...asked);
  readonly tops: Broker["tops"] = (channels) => this.#inner.tops(channels);
  readonly summary: ChannelDirectory["summary"] = (...asked) => this.#inner.summary(...asked);
  readonly list: ChannelDirectory["list"] = (...asked) => this.#inner.list(...asked);
}

/** A worker that sends the greeting and the test's requests, and reads only when the test says so. */
async function connectSilently(question: object) {
  const socket = await Bun.connect({ unix: world.path, socket: { data: () => {} } });
  socket.write(encodeFrame(`${ipcProtocol} deaf worker`));
  socket.write(encodeFrame(JSON.stringify(question)));
  return socket;
}

describe("IpcHost", () => {
  test("its own broker listens as long as at least one worker does", async () => {
    const broker = new WatchedBroker();
    await world.startHost({ broker });
    const [one, two] = [await world.connect(), await world.connect()];
    await one.broker.listen(a);
    await two.broker.listen(a);
    await two.broker.listen(b);
    await one.broker.unlisten(a);
    await one.broker.tops([a]);
    expect(broker.asked).toEqual(["listen a", "listen a", "listen b"]);
    await two.broker.unlisten(a);
    await two.broker.tops([a]);
    expect(broker.asked.slice(3)).toEqual(["unlisten a"]);
  });

  test("a disconnected worker no longer listens to any channel", async () => {
    const broker = new WatchedBroker();
    const host = await world.startHost({ broker });
    const [one, two] = [await world.connect(), await world.connect()];
    await one.broker.listen(a);
    await two.broker.listen(b);
    await one.broker.close();
    while (host.workers > 1) await two.broker.tops([b]);
    expect(broker.asked).toEqual(["listen a", "listen b", "unlisten a"]);
  });

  test("reports the health and the breaks of its broker to all workers, including later ones", async () => {
    const broker = new WatchedBroker();
    await world.startHost({ broker });
    const one = await world.connect();
    broker.events?.onHealth(false);
    const two = await world.connect();
    broker.events?.onBreak();
    broker.events?.onHealth(true);
    await Promise.all([one, two].map((worker) => worker.untilEvent("healthy", worker === one ? 2 : 1)));
    expect([one.events, two.events]).toEqual([
      ["healthy", "unhealthy", "break", "healthy"],
      ["unhealthy", "break", "healthy"],
    ]);
  });

  test("a worker that does not read is disconnected and does not block the others", async () => {
    const host = await world.startHost({ link: { maxQueuedBytes: 1_000_000 } });
    const silent = await connectSilently({ verb: "listen", n: 1, channel: a });
    const worker = await world.connect();
    await worker.broker.listen(a);
    while (host.workers < 2) await worker.broker.tops([a]);
    silent.pause();
    const message = "x".repeat(100_000);
    for (let count = 0; count < 50; count++) await worker.publish({ message });
    await worker.until(({ received }) => received.length === 50);
    expect(host.workers).toBe(1);
    expect(worker.events).toEqual(["healthy"]);
    silent.terminate();
  });

  test("histories larger than a worker's queue arrive completely, and deliveries pass between their parts", async () => {
    await world.startHost({ link: { maxQueuedBytes: 4_000_000 } });
    const worker = await world.connect();
    const message = "x".repeat(50_000);
    await Promise.all(Array.from({ length: 300 }, () => worker.publish({ message })));
    await worker.broker.listen(b);
    const asked = Array.from({ length: 3 }, () =>
      worker.broker.history(a, { from: "earliest" }, { limit: 1000, maxBytes: Number.MAX_SAFE_INTEGER }),
    );
    await worker.publish({ channel: b });
    await worker.until(({ received }) => received.length === 1);
    for (const { publications, top } of await Promise.all(asked)) {
      expect(publications.map(({ offset }) => offset)).toEqual(Array.from({ length: 300 }, (_, at) => at + 1));
      expect(top.offset).toBe(300);
    }
    expect(worker.events).toEqual(["healthy"]);
  });

  test("closing answers accepted requests, then closes the links", async () => {
    const host = await world.startHost();
    const worker = await world.connect();
    const calls = Array.from({ length: 100 }, () => worker.publish());
    await calls[0];
    await host.close();
    await worker.untilEvent("unhealthy");
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.every(({ status }) => status === "fulfilled")).toBe(true);
    await host.close();
  });

  test("closing does not wait for a worker that does not read", async () => {
    const clock = new MovedClock();
    const host = await world.startHost({ link: { clock } });
    const silent = await connectSilently({ verb: "listen", n: 1, channel: a });
    const worker = await world.connect();
    while (host.workers < 2) await worker.broker.tops([a]);
    silent.pause();
    const message = "x".repeat(1_000_000);
    for (let count = 0; count < 5; count++) await worker.broker.publish({ channel: a, message }, rules);
    const closing = host.close();
    await clock.moveInSteps(3000, 1000);
    await closing;
    expect(host.workers).toBe(0);
    silent.terminate();
  });

  test.each([true, false])(
    "a worker receives its own publications once and in order (its log answers at once: %p)",
    async (atOnce) => {
      const broker = new WatchedBroker();
      const { publish } = broker;
      if (!atOnce) broker.publish = async (...asked) => publish(...asked);
      await world.startHost({ broker });
      const [one, two, three] = [await world.connect(), await world.connect(), await world.connect()];
      const all = [one, two, three];
      for (const worker of all) await worker.broker.listen(a);
      const drafts = [
        { message: "1" },
        { message: "2", ephemeral: true },
        { message: "3", data: "[3]", sender: "s" },
      ] as const;
      await Promise.all(drafts.map((draft) => one.publish(draft)));
      await two.publish({ message: "4" });
      for (const worker of all) await worker.until(({ received }) => received.length === 4);
      for (const worker of [two, three]) expect(worker.received).toEqual([...one.received]);
      expect(one.received).toMatchObject([...drafts.map(({ message }) => ({ message })), { message: "4", offset: 3 }]);
    },
  );

  test("a path that cannot be used is an error, and its broker is closed again", async () => {
    const broker = new WatchedBroker();
    await expect(new IpcHost({ path: `${world.path}/no/such`, broker }).start()).rejects.toThrow();
    expect(broker.isClosed).toBe(true);
  });
});
