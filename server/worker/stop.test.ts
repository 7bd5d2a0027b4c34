import { afterEach, describe, expect, test } from "bun:test";
import { nameOf, TestHub, type TestHubOptions } from "../../tests/fakes/hub.ts";
import { makeRandom } from "../../tests/seed.ts";
import type { HttpServer } from "../http/server.ts";
import { Drain, type DrainMethod, type DrainSettings } from "../hub/drain.ts";
import { Stop, type StopParts } from "./stop.ts";

let it: TestHub;
afterEach(() => it.close());

const usual = {
  drainDelayMs: 0,
  drainWindowMs: 1000,
  drainMode: "wait",
  shutdownTimeoutMs: 2000,
  hasTerminal: false,
} as const;

/** The part of the HTTP server that Stop uses. */
class FakeHttp {
  closesConnections = false;
  mayBeKeptAlive = false;
  pending = 0;
  readonly steps: string[] = [];

  stopListening(): void {
    this.steps.push("stopped listening");
  }

  close(): void {
    this.steps.push("closed");
  }
}

interface StopOptions {
  readonly changed?: Partial<DrainSettings & { readonly drainDelayMs: number }>;
  readonly planSlots?: StopParts["planSlots"];
}

/** Prepares a stop, and records its progress. */
async function begin(options: TestHubOptions = {}, { changed = {}, planSlots }: StopOptions = {}) {
  it = await TestHub.start(options);
  const settings = { ...usual, ...changed };
  const { clock, hub } = it;
  const flush = () => hub.delivery.flushNow();
  const drain = new Drain(settings, {
    connections: hub.connections,
    flush,
    release: () => undefined,
    clock,
    random: makeRandom(),
  });
  const http = new FakeHttp();
  const stop = new Stop(
    settings,
    { hub, drain, http: http as unknown as HttpServer, ...(planSlots === undefined ? {} : { planSlots }) },
    clock,
  );
  const state = { isDone: false, tookMs: 0 };
  return {
    http,
    state,
    hub,
    drain,
    run(method?: DrainMethod) {
      const began = clock.monotonic();
      void stop.run(method).then(() => Object.assign(state, { isDone: true, tookMs: clock.monotonic() - began }));
    },
  };
}

describe("stopping", () => {
  test("finishes and acknowledges the publications that are in flight", async () => {
    const storing = Promise.withResolvers<void>();
    const { http, state, run, hub } = await begin({
      wrap: (broker) => {
        const publish = broker.publish.bind(broker);
        broker.publish = (...draft) => storing.promise.then(() => publish(...draft));
        return broker;
      },
    });
    const published = hub.publish({ channel: nameOf("room"), message: "m" });
    run();
    await it.clock.moveInSteps(1900, 20);
    expect([state.isDone, http.steps]).toEqual([false, ["stopped listening"]]);
    storing.resolve();
    expect((await published).position?.offset).toBe(1);
    await it.clock.moveInSteps(40, 20);
    expect([state.isDone, http.steps]).toEqual([true, ["stopped listening", "closed"]]);
  });

  test("waits at most two seconds for a publication that is never stored", async () => {
    const { state, run, hub } = await begin({
      wrap: (broker) => {
        broker.publish = () => new Promise(() => undefined);
        return broker;
      },
    });
    void hub.publish({ channel: nameOf("room"), message: "m" });
    run();
    await it.clock.moveInSteps(2100, 20);
    expect(state.isDone).toBe(true);
  });

  test("ends five seconds after the deadline, even if a client does not read or a request is pending", async () => {
    const { http, state, run } = await begin();
    const guest = await it.connect();
    guest.connection.stall();
    guest.session.sendFrame({ type: "pong" });
    // The server closes a socket whose peer is stuck, but its close event is seconds late.
    guest.connection.onClose = () => undefined;
    http.pending = 1;
    run();
    await it.clock.moveInSteps(8000, 20);
    expect([state.isDone, guest.connection.closedWith?.name]).toEqual([true, "restarting"]);
    expect(state.tookMs - usual.shutdownTimeoutMs).toBeWithin(4000, 5000);
  });

  test.each([
    [false, 1000],
    [true, 0],
  ])("waits DRAIN_DELAY before it closes the port, unless it is urgent: %p", async (isUrgent, delayMs) => {
    const { http, run } = await begin({}, { changed: { drainDelayMs: 1000 } });
    run({ mode: "move", successor: "none", isUrgent });
    await it.clock.moveInSteps(Math.max(0, delayMs - 20), 20);
    expect(http.steps).toEqual(delayMs === 0 ? ["stopped listening"] : []);
    await it.clock.moveInSteps(40, 20);
    expect(http.steps[0]).toBe("stopped listening");
  });

  test("passes through all phases, and waits for the plan of the node before it notifies its clients", async () => {
    const planned = Promise.withResolvers<readonly number[]>();
    const asked: number[] = [];
    const planSlots = (connections: number) => {
      asked.push(connections);
      return planned.promise;
    };
    const { drain, run } = await begin({}, { planSlots });
    const guest = await it.connect();
    expect(drain.phase).toBe("running");
    run({ mode: "move", successor: "same-port", isUrgent: true });
    expect([drain.phase, drain.isReplaced]).toEqual(["lame-duck", true]);
    await it.clock.moveInSteps(100, 20);
    expect([drain.phase, asked, guest.connection.of("draining")]).toEqual(["closing", [1], []]);
    planned.resolve([321]);
    await it.clock.moveInSteps(40, 20);
    expect([drain.phase, guest.connection.of("draining")[0]?.reconnect_after_ms]).toEqual(["waiting", 321]);
    await it.clock.moveInSteps(2000, 20);
    expect([drain.phase, drain.receipt.moved]).toEqual(["stopped", 1]);
  });

  test("plans for itself if nobody else does in time", async () => {
    const changed = { shutdownTimeoutMs: 60_000, drainWindowMs: 10_000 };
    const { drain, run } = await begin({}, { changed, planSlots: () => new Promise(() => undefined) });
    const guest = await it.connect();
    run({ mode: "move", successor: "same-port", isUrgent: true });
    await it.clock.moveInSteps(4900, 20);
    expect(guest.connection.of("draining")).toEqual([]);
    await it.clock.moveInSteps(300, 20);
    expect([drain.phase, guest.connection.of("draining").length]).toEqual(["waiting", 1]);
  });
});
