import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { UnsteadyBroker } from "../../../tests/fakes/unsteady-broker.ts";
import { a, b, IpcWorld, rules } from "../../../tests/ipc/ipc-world.ts";
import { SocketProxy } from "../../../tests/ipc/socket-proxy.ts";
import { turn } from "../../../tests/waiting.ts";
import { type LinkListener, listenForLinks } from "../../lib/link/sockets.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { EmbeddedBroker } from "../embedded/broker.ts";
import { MemoryLog } from "../memory/log.ts";

let world: IpcWorld;
let proxy: SocketProxy | undefined;

beforeEach(() => {
  world = new IpcWorld();
});

afterEach(async () => {
  proxy?.close();
  proxy = undefined;
  await world.end();
});

/** A way to the host that can be cut. */
function through(): { readonly path: string } {
  proxy = new SocketProxy(world.path);
  return proxy;
}

describe("when the connection breaks,", () => {
  test("drafts in flight are refused, and a retry with the same id is stored once", async () => {
    await world.startHost();
    const worker = await world.connect(through());
    proxy?.cutAfter(5000); // in the middle of what follows
    const ids = Array.from({ length: 100 }, (_, count) => `id ${count}`);
    const first = await Promise.allSettled(ids.map((id) => worker.publish({ id })));
    const refused = first.filter((it) => it.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: "broker-unavailable" });
    await worker.untilEvent("break");
    await Promise.all(ids.map((id) => worker.publish({ id })));
    const { publications } = await worker.broker.history(
      a,
      { from: "earliest" },
      { limit: 1000, maxBytes: Number.MAX_SAFE_INTEGER },
    );
    expect(publications.map(({ id }) => id).sort()).toEqual(ids.toSorted());
  });

  test("every question in flight is refused", async () => {
    const clock = new MovedClock();
    const unsteady = new UnsteadyBroker(new EmbeddedBroker(new MemoryLog()), clock);
    const broker = Object.assign(unsteady, { list: async () => [], summary: async () => undefined });
    await world.startHost({ broker });
    const worker = await world.connect(through());
    unsteady.answerMs = 1000; // never, because nothing moves its clock
    const { broker: asked } = worker;
    const calls = [
      asked.listen(a),
      asked.tops([a]),
      asked.history(a, { from: "earliest" }, { limit: 1, maxBytes: Number.MAX_SAFE_INTEGER }),
    ];
    await worker.publish(); // answered after the host has handled all of them
    proxy?.cut();
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "broker-unavailable" } });
    }
    unsteady.steady();
  });

  test("it is unhealthy, reconnects, listens to all channels again, and then reports the break", async () => {
    await world.startHost();
    const [worker, other] = [await world.connect(through()), await world.connect()];
    const many = Array.from({ length: 5000 }, (_, count) => `many:${count}` as ChannelName);
    await Promise.all([...many, a, b].map((channel) => worker.broker.listen(channel)));
    await worker.broker.unlisten(b);
    proxy?.cut();
    await worker.untilEvent("break");
    expect(worker.events).toEqual(["healthy", "unhealthy", "healthy", "break"]);
    for (const channel of [...many, b, a]) await other.publish({ channel });
    await worker.until(({ received }) => received.at(-1)?.channel === a);
    expect(worker.received.map(({ channel }) => channel)).toEqual([...many, a]);
  });

  test("questions are refused at once while the host is down, and its loss is reported once", async () => {
    const host = await world.startHost();
    const worker = await world.connect();
    await host.close();
    await worker.untilEvent("gone");
    await expect(worker.publish()).rejects.toMatchObject({ code: "broker-unavailable" });
    await expect(worker.broker.listen(a)).rejects.toMatchObject({ code: "broker-unavailable" });
    await worker.broker.unlisten(b);
    await world.startHost();
    await worker.untilEvent("break");
    expect(worker.events).toEqual(["healthy", "unhealthy", "gone", "healthy", "break"]);
    // The broker still listens to a channel whose request failed: the caller may unlisten, or retry.
    await worker.publish();
    await worker.until(({ received }) => received.length === 1);
  });

  test("a broken connection to a running host is not reported as a loss of the host", async () => {
    await world.startHost();
    const worker = await world.connect(through());
    proxy?.cut();
    await worker.untilEvent("break");
    expect(worker.events).not.toContain("gone");
  });

  test("closing does not wait for a host that is down", async () => {
    const host = await world.startHost();
    const worker = await world.connect();
    await host.close();
    await worker.untilEvent("unhealthy");
    await worker.broker.close();
    expect(worker.events.slice(0, 2)).toEqual(["healthy", "unhealthy"]);
  });
});

describe("the start", () => {
  test("waits for a host that starts later", async () => {
    const worker = world.add();
    const started = worker.start();
    await turn();
    await world.startHost();
    await started;
    expect(worker.events).toEqual(["healthy"]);
  });

  test("fails if no host starts", async () => {
    const clock = new MovedClock();
    const started = world.add({ link: { clock } }).start();
    const failed = started.catch((error: Error) => error.message);
    await clock.moveInSteps(16_000, 500);
    expect(await failed).toMatch(/^the supervisor did not answer on .* within 15 s$/);
  });

  test("fails at once if the host has another version", async () => {
    const settings = { protocol: "fanfare-broker/999", name: "host" };
    const events = () => ({ onOpen: () => {}, onText: () => {}, onClose: () => {} });
    const listener: LinkListener = listenForLinks(world.path, settings, events);
    await expect(world.connect()).rejects.toThrow("it uses fanfare-broker/999, this side uses fanfare-broker/");
    listener.close();
  });
});

test("drafts beyond the limit in flight are refused, and accepted again once there is room", async () => {
  await world.startHost();
  const worker = await world.connect();
  const message = "x".repeat(1024 * 1024 - 200);
  const small = { ...rules, historySize: 1 };
  const publish = () => worker.broker.publish({ channel: a, message }, small);
  const calls = await Promise.allSettled(Array.from({ length: 70 }, publish));
  const refused = calls.filter((it) => it.status === "rejected");
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(70);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: "broker-unavailable" });
  expect((await publish()).duplicate).toBe(false);
  expect(worker.events).toEqual(["healthy"]);
});

test("refused drafts do not count, whether the host refuses them or is not running", async () => {
  const host = await world.startHost({ broker: new EmbeddedBroker(new MemoryLog({ maxChannels: 1 })) });
  const worker = await world.connect();
  await worker.publish();
  const large = { channel: b, message: "x".repeat(2 * 1024 * 1024) };
  const publishMany = async (code: string) => {
    for (let count = 0; count < 35; count++) await expect(worker.publish(large)).rejects.toMatchObject({ code });
  };
  await publishMany("too-many-channels");
  await host.close();
  await worker.untilEvent("unhealthy");
  await publishMany("broker-unavailable");
  await world.startHost();
  await worker.untilEvent("break");
  expect((await worker.publish(large)).duplicate).toBe(false);
});

test("a bug in a delivery costs neither the connection nor the next delivery", async () => {
  await world.startHost();
  const worker = await world.connect();
  worker.onPublication = ({ message }) => {
    if (message === "bug") throw new Error("a bug above");
  };
  await worker.broker.listen(a);
  await Promise.all(["1", "bug", "3"].map((message) => worker.publish({ message })));
  await worker.until(({ received }) => received.length === 3);
  expect(worker.events).toEqual(["healthy"]);
});

test("a refusal of the log keeps its code and message over IPC", async () => {
  await world.startHost({ broker: new EmbeddedBroker(new MemoryLog({ maxChannels: 1 })) });
  const worker = await world.connect();
  await worker.publish();
  await expect(worker.publish({ channel: b })).rejects.toMatchObject({ code: "too-many-channels" });
});

test("the channels of the host are listed, and one is described, or not if it is not known", async () => {
  await world.startHost();
  const worker = await world.connect();
  await worker.publish();
  const epoch = (await worker.broker.tops([a])).get(a)?.epoch ?? "";
  const summary = { channel: a, top: { epoch, offset: 1 }, messages: 1 };
  expect(await worker.broker.list("", "", 10)).toEqual([summary]);
  expect([await worker.broker.summary(a), await worker.broker.summary(b)]).toEqual([summary, undefined]);
});
