import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { handleSignals, type Stoppable } from "./signals.ts";
import type { StopReceipt } from "./stop.ts";

const receipt: StopReceipt = {
  initial: 0,
  left: 0,
  moved: 0,
  forced: 0,
  unflushed_bytes: 0,
  duration_ms: 0,
  max_close_rate: 0,
};

/** A server that stops when the test says so. */
class FakeServer implements Stoppable {
  readonly orders: string[] = [];
  readonly #stopped = Promise.withResolvers<StopReceipt>();

  get stopped(): Promise<StopReceipt> {
    return this.#stopped.promise;
  }

  stop(): Promise<StopReceipt> {
    this.orders.push("stop");
    return this.stopped;
  }

  moveClients(): Promise<StopReceipt> {
    this.orders.push("move");
    return this.stopped;
  }

  stopNow(): Promise<StopReceipt> {
    this.orders.push("stop now");
    return this.stopped;
  }

  end(): void {
    this.#stopped.resolve(receipt);
  }
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
let others: readonly (readonly [NodeJS.Signals, readonly NodeJS.SignalsListener[]])[] = [];

// Removes the listeners of other parts of the program during a test.
beforeEach(() => {
  others = signals.map((it) => [it, process.listeners(it) as NodeJS.SignalsListener[]]);
  for (const it of signals) process.removeAllListeners(it);
});
afterEach(() => {
  for (const [signal, listeners] of others) {
    process.removeAllListeners(signal);
    for (const listener of listeners) process.on(signal, listener);
  }
});

test("the first signal waits for clients to leave, and the exit code is 0", async () => {
  const server = new FakeServer();
  const code = handleSignals(server);
  process.emit("SIGTERM", "SIGTERM");
  expect(server.orders).toEqual(["stop"]);
  server.end();
  expect(await code).toBe(0);
});

test("the second signal closes all clients, and determines the exit code", async () => {
  const server = new FakeServer();
  const code = handleSignals(server);
  process.emit("SIGTERM", "SIGTERM");
  process.emit("SIGINT", "SIGINT");
  expect(server.orders).toEqual(["stop", "stop now"]);
  server.end();
  expect(await code).toBe(130);
});

test("the same signal within a tenth of a second counts once, because a launcher may forward it", () => {
  const clock = new MovedClock();
  const server = new FakeServer();
  void handleSignals(server, { clock });
  process.emit("SIGTERM", "SIGTERM");
  clock.move(99);
  process.emit("SIGTERM", "SIGTERM");
  expect(server.orders).toEqual(["stop"]);
  clock.move(1);
  process.emit("SIGTERM", "SIGTERM");
  expect(server.orders).toEqual(["stop", "stop now"]);
});

test("the third signal exits the process", () => {
  const ends: unknown[] = [];
  const exit = spyOn(process, "exit").mockImplementation((code) => {
    ends.push(code);
    throw new Error("ended");
  });
  void handleSignals(new FakeServer());
  process.emit("SIGINT", "SIGINT");
  process.emit("SIGTERM", "SIGTERM");
  expect(() => process.emit("SIGINT", "SIGINT")).toThrow("ended");
  exit.mockRestore();
  expect(ends).toEqual([130]);
});

test("the exit code is 0 if the server is stopped otherwise, and a first signal after that changes nothing", async () => {
  const server = new FakeServer();
  const code = handleSignals(server);
  void server.stop();
  process.emit("SIGTERM", "SIGTERM");
  expect(server.orders).toEqual(["stop", "stop"]); // which is idempotent
  server.end();
  expect(await code).toBe(0);
});

test("SIGHUP means that the terminal was closed, and moves the clients", () => {
  const server = new FakeServer();
  void handleSignals(server, { hasTerminal: true });
  process.emit("SIGHUP", "SIGHUP");
  process.emit("SIGHUP", "SIGHUP"); // the shell and the system send one each
  expect(server.orders).toEqual(["move", "move"]);
});

test("SIGHUP without a terminal reloads a server that can, and is ignored by others", () => {
  const server = new FakeServer();
  void handleSignals(server, { hasTerminal: false });
  process.emit("SIGHUP", "SIGHUP");
  expect(server.orders).toEqual([]);
  const supervisor = Object.assign(new FakeServer(), { reload: () => supervisor.orders.push("reload") });
  void handleSignals(supervisor, { hasTerminal: false });
  process.emit("SIGHUP", "SIGHUP");
  expect(supervisor.orders).toEqual(["reload"]);
});

test("the clients are moved when the launcher dies", async () => {
  const server = new FakeServer();
  const listeners = new Set<() => void>();
  const onLauncherGone = (run: () => void) => {
    listeners.add(run);
    return () => void listeners.delete(run);
  };
  const code = handleSignals(server, { onLauncherGone });
  for (const run of listeners) run();
  expect(server.orders).toEqual(["move"]);
  server.end();
  expect(await code).toBe(0);
  expect(listeners.size).toBe(0);
});
