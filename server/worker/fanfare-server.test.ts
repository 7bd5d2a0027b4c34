import { afterEach, describe, expect, test } from "bun:test";
import { SocketUnderTest } from "../../tests/e2e/socket.ts";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { MemoryLog } from "../broker/memory/log.ts";
import type { MemberState } from "../cluster/cluster.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { loadSettings } from "../config/load.ts";
import { systemClock } from "../lib/clock.ts";
import { configureLogging } from "../lib/logging.ts";
import { MemoryPresence } from "../presence/memory/store.ts";
import { openScheduleStore } from "../schedule/open-store.ts";
import { FanfareServer, type ServerEnvironment } from "./fanfare-server.ts";

type Options = Parameters<typeof loadSettings>[0]["options"];

/** Counts the calls of close(). */
class ClosingBroker extends EmbeddedBroker {
  closes = 0;

  override close(): Promise<void> {
    this.closes++;
    return super.close();
  }
}

const running: FanfareServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((it) => it.stopNow()));
});

function make(options: Options = {}, environment: Partial<ServerEnvironment> = {}) {
  const quiet = { port: 0, notificationInterval: 0, shutdownTimeout: "60s" };
  const inputs = { env: {}, flags: new Map(), configPath: undefined, readText: () => undefined };
  const { settings } = loadSettings({ ...inputs, options: { ...quiet, ...options } });
  const broker = new ClosingBroker(new MemoryLog({ clock: systemClock }), systemClock);
  const cluster = MemoryCluster.alone(systemClock);
  const presence = new MemoryPresence(systemClock);
  const schedules = openScheduleStore(settings, systemClock);
  const own = { broker, cluster, presence, schedules, clock: systemClock };
  const server = new FanfareServer(settings, { ...own, ...environment });
  return { server, broker, cluster };
}

async function start(options: Options = {}, environment: Partial<ServerEnvironment> = {}) {
  const made = make(options, environment);
  const { port } = await made.server.start();
  running.push(made.server);
  return { ...made, port, url: `http://127.0.0.1:${port}`, wsUrl: `ws://127.0.0.1:${port}/ws` };
}

async function isListening(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/livez`).then(
    () => true,
    () => false,
  );
}

const draining = (client: SocketUnderTest) => client.until(({ event }) => event === "draining");

describe("a server that cannot start", () => {
  test("because its port is taken leaves nothing open", async () => {
    const { port } = await start();
    const { server, broker } = make({ port });
    await expect(server.start()).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect(broker.closes).toBe(1);
  });

  test("because OPS_PORT is taken releases its own port", async () => {
    const { port: opsPort } = await start();
    const { port } = await start();
    await running.pop()?.stopNow(); // A port that is free now.
    const { server, broker } = make({ port, opsPort }, { hasOpsListeners: true });
    await expect(server.start()).rejects.toThrow("OPS_PORT");
    expect([await isListening(port), broker.closes]).toEqual([false, 1]);
  });
});

describe("stopping a server", () => {
  test("happens once, however often it is requested, and every caller receives the receipt", async () => {
    const { server, broker, cluster, port } = await start();
    expect([server.isStopping, cluster.members().map(({ state }) => state.isDraining)]).toEqual([false, [false]]);
    const stopping = server.stop();
    expect(server.isStopping).toBe(true);
    expect(cluster.members().map(({ state }) => state.isDraining)).toEqual([true]);
    expect(server.stop()).toBe(stopping);
    const receipt = await stopping;
    expect(receipt).toMatchObject({ initial: 0, forced: 0 });
    expect(await server.stopped).toBe(receipt);
    expect([await isListening(port), broker.closes, cluster.members()]).toEqual([false, 1, []]);
  });

  test("waits for clients, until an immediate stop is requested", async () => {
    const { server, wsUrl } = await start();
    using client = await SocketUnderTest.open(wsUrl);
    void server.stop();
    expect(await draining(client)).toMatchObject({ successor: false });
    const stopping = server.stopNow();
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    expect(await stopping).toMatchObject({ initial: 1, forced: 1, moved: 0 });
  });

  test("moves its clients within the window if it was waiting for them", async () => {
    const { server, wsUrl } = await start({ drainWindow: "10ms" });
    using client = await SocketUnderTest.open(wsUrl);
    void server.stop();
    await draining(client);
    void server.moveClients();
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    expect(await server.stopped).toMatchObject({ initial: 1, left: 0 });
  });

  test("moves its clients at once if it was not stopping yet", async () => {
    const { server, wsUrl } = await start({ drainWindow: "10ms" });
    using client = await SocketUnderTest.open(wsUrl);
    const moving = server.moveClients();
    expect((await draining(client)).deadline_ms).toBeWithin(0, 11);
    expect(await moving).toMatchObject({ initial: 1, moved: 1, forced: 0 });
  });

  test.each<[string, Partial<MemberState>, boolean]>([
    ["another node", { node: "n2" }, true],
    ["another node that is draining", { node: "n2", isDraining: true }, false],
    ["another worker of this node", { node: "n1" }, false],
  ])("tells clients about a successor only if there is one: %s", async (_, other, successor) => {
    const switchboard = new Switchboard(systemClock);
    const member = (state: Partial<MemberState>) =>
      new MemoryCluster(switchboard, { name: "w", pid: 1, isDraining: false, ...state }, systemClock);
    const neighbour = member(other);
    const ignore = () => undefined;
    await neighbour.start({ onJoined: ignore, onLeft: ignore, onMessage: ignore, onReturned: ignore });
    const { server, wsUrl } = await start({}, { cluster: member({ node: "n1" }) });
    using client = await SocketUnderTest.open(wsUrl);
    void server.stop();
    expect(await draining(client)).toMatchObject({ successor });
    client.close();
    await server.stopped;
    await neighbour.close();
  });

  test.each([
    ["the server stops itself if it has no supervisor", false],
    ["the server asks its supervisor if it has one", true],
  ])("over HTTP, %s", async (_, isSupervised) => {
    const asked = Promise.withResolvers<string>();
    const environment = isSupervised ? { onDrainWanted: () => asked.resolve("asked") } : {};
    const { server, url } = await start({}, environment);
    expect((await fetch(`${url}/v1/drain`, { method: "POST" })).status).toBe(202);
    if (isSupervised) expect([await asked.promise, server.isStopping]).toEqual(["asked", false]);
    else expect(await server.stopped).toMatchObject({ initial: 0 });
  });
});

describe("closing", () => {
  test("leaves the cluster and the broker, and ends sockets, streams and the hub's timers", async () => {
    const { server, broker, cluster, port, wsUrl, url } = await start({ notices: true });
    const closed: string[] = [];
    const watch = (name: string, part: { close(): unknown }) => {
      const close = part.close.bind(part);
      part.close = () => {
        closed.push(name);
        return close();
      };
    };
    watch("hub", server.hub);
    watch("peers", server.hub.peers);
    using client = await SocketUnderTest.open(wsUrl);
    const stream = await fetch(`${url}/sse`);
    await server.stopNow();
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    expect(await stream.text()).toContain('"closing","code":1012');
    expect(closed).toEqual(["peers", "hub"]);
    expect([broker.closes, cluster.members(), await isListening(port)]).toEqual([1, [], false]);
  });

  test.each([
    [true, " (Ctrl+C again stops now)"],
    [false, ""],
  ])("tells a person at a terminal how to stop at once: %p", async (hasTerminal, hint) => {
    const lines: string[] = [];
    const write = (text: string) => void lines.push(text);
    configureLogging({ level: "INFO", format: "{message}", write, secrets: [], hasColors: false });
    const { server, wsUrl } = await start({}, { hasTerminal });
    using _client = await SocketUnderTest.open(wsUrl);
    const stopped = server.stop();
    expect(lines.join("")).toContain(`have 60 s to leave${hint}\n`);
    await server.stopNow();
    await stopped;
    configureLogging({ level: "ERROR", format: "{message}", write: () => undefined, secrets: [], hasColors: false });
  });
});

test("a server that stops waits for the answer to its last webhook, so it is not lost", async () => {
  const answered = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using receiver = Bun.serve({
    port: 0,
    fetch: async () => {
      asked.resolve();
      await answered.promise;
      return new Response();
    },
  });
  const { server, wsUrl } = await start({
    webhookUrl: `http://127.0.0.1:${receiver.port}/`,
    webhookEvents: ["disconnected"],
    hookSecret: ["whsec_oC0hdAwDWHq2xC4vTkVTCpRlSz8AOx4/hDZjf9ONn/8="],
    hookPrivateAddresses: true,
  });
  using _client = await SocketUnderTest.open(wsUrl);
  let hasStopped = false;
  const stopping = server.stopNow().then(() => (hasStopped = true));
  await asked.promise;
  await Bun.sleep(50); // Without waiting, it has stopped by now.
  expect(hasStopped).toBe(false);
  answered.resolve();
  await stopping;
});

describe("OPS_PORT", () => {
  test.each([true, false])(
    "is opened if the server has ops listeners, and closed with it: %p",
    async (hasOpsListeners) => {
      const { port: opsPort } = await start();
      await running.pop()?.stopNow();
      const { server } = await start({ opsPort }, { hasOpsListeners });
      expect(await isListening(opsPort)).toBe(hasOpsListeners);
      await server.stopNow();
      expect(await isListening(opsPort)).toBe(false);
    },
  );
});

describe("the periodic message", () => {
  test("has an id made from its time, so that several servers publish it once, and ends with the server", async () => {
    const { server, wsUrl } = await start({ notificationInterval: "50ms", notificationMessage: "tick" });
    using client = await SocketUnderTest.open(wsUrl);
    const messages = await client.untilMessages(2);
    const ids = messages.map(({ id }) => String(id));
    expect(ids).toEqual(ids.map(() => expect.stringMatching(/^\$notification:setting:1:[-0-9T:.]+Z$/)));
    expect([new Set(ids).size, messages[0]?.message]).toEqual([ids.length, "tick"]);
    await server.stopNow();
  });
});
