import { afterEach, describe, expect, test } from "bun:test";
import { nameOf, TestHub, type TestHubOptions } from "../../tests/fakes/hub.ts";
import { makeRandom } from "../../tests/seed.ts";
import type { HttpServer } from "../http/server.ts";
import { Drain } from "../hub/drain.ts";
import { Stop } from "./stop.ts";

let it: TestHub;
afterEach(() => it.close());

const settings = {
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

/** Prepares a stop, and records its progress. */
async function begin(options: TestHubOptions = {}) {
  it = await TestHub.start(options);
  const { clock, hub } = it;
  const flush = () => hub.delivery.flushNow();
  const drain = new Drain(settings, { connections: hub.connections, flush, clock, random: makeRandom() });
  const http = new FakeHttp();
  const stop = new Stop(settings, { hub, drain, http: http as unknown as HttpServer }, clock);
  const state = { isDone: false, tookMs: 0 };
  return {
    http,
    state,
    hub,
    run() {
      const began = clock.monotonic();
      void stop.run().then(() => Object.assign(state, { isDone: true, tookMs: clock.monotonic() - began }));
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
    expect(state.tookMs - settings.shutdownTimeoutMs).toBeWithin(4000, 5000);
  });
});
