import { describe, expect, test } from "bun:test";
import { makeRandom } from "../seed.ts";
import { eventually, isRunning, until } from "../waiting.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";

/** Process IDs of the workers, from the log. */
async function pidsOf(server: ServerUnderTest): Promise<number[]> {
  const [, pids = ""] = await server.untilLogged(/workers share port \d+: ([\d, ]+)/);
  return pids.split(", ").map(Number);
}

/** Enough clients that every worker has some, since the kernel distributes them randomly. */
async function openMany(server: ServerUnderTest, count: number, query = ""): Promise<SocketUnderTest[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => SocketUnderTest.open(`${server.wsUrl}?user_id=u${n}${query}`)),
  );
}

async function connectionsOf(server: ServerUnderTest, query = ""): Promise<Frame[]> {
  const answer = (await (await server.request("GET", `/v1/connections${query}`)).json()) as { connections: Frame[] };
  return answer.connections;
}

describe("three workers are one server", () => {
  test.concurrent("a message sent to one worker reaches all clients once, whichever worker they use", async () => {
    await using server = await startServer({ flags: ["--workers", "3"], env: { NOTIFICATION_INTERVAL: "1s" } });
    const clients = await openMany(server, 24);
    clients[0]?.send("send_now");
    for (const client of clients) await client.until(({ message }) => message === "IM sent");
    for (const client of clients) await client.until(({ message }) => message === "Scheduled broadcast");
    const offsets = clients.map(({ messages }) => Number(messages.at(-1)?.offset));
    for (const client of clients) await client.until(({ offset }) => Number(offset) >= Math.max(...offsets) + 2);
    // Each has joined at a different time, and is compared from there on.
    const longest = clients.map(({ messages }) => messages).toSorted((a, b) => b.length - a.length)[0] ?? [];
    const last = Math.min(...clients.map(({ messages }) => Number(messages.at(-1)?.offset)));
    expect(longest.length).toBeGreaterThanOrEqual(3);
    for (const { messages, welcome } of clients) {
      const from = (welcome.channels as Record<string, { offset: number }>).all?.offset ?? 0;
      const isCommon = ({ offset }: Frame) => Number(offset) > from && Number(offset) <= last;
      expect(messages.filter(isCommon)).toEqual(longest.filter(isCommon));
    }
    for (const client of clients) client.close();
  });

  test.concurrent("every worker knows all connections, and can push to them and close them", async () => {
    await using server = await startServer({ flags: ["--workers", "3"] });
    const clients = await openMany(server, 12);
    // Other workers learn about a connection within milliseconds.
    for (let asked = 0; asked < 6; asked++) {
      await eventually(async () => {
        expect(await (await server.request("GET", "/health")).json()).toMatchObject({ connections: 12 });
        const users = (await connectionsOf(server)).map(({ user_id }) => user_id);
        expect(users.toSorted()).toEqual(clients.map((_, n) => `u${n}`).toSorted());
      });
    }
    for (const [n, client] of clients.entries()) {
      const answer = await server.request("POST", "/sse/push", { user_id: `u${n}`, data: n });
      expect(await answer.json()).toMatchObject({ status: "success" });
      await client.until(({ data }) => data === n);
    }
    const gone = await server.request("POST", "/sse/push", { user_id: "nobody", data: 1 });
    expect(await gone.json()).toMatchObject({ status: "partial" });
    for (const [n, client] of clients.entries()) {
      const closed = await server.request("DELETE", `/v1/users/u${n}/connections`);
      expect(await closed.json()).toEqual({ closed: 1 });
      expect((await client.untilClosed()).code).toBe(4504);
    }
    const metrics = (await (await server.request("GET", "/metrics")).json()) as Frame;
    expect(metrics).toMatchObject({ connections_total: 12, publications_total: 13 });
  });

  test.concurrent("the pages of connections cover all workers, with each connection once", async () => {
    await using server = await startServer({ flags: ["--workers", "2"] });
    const clients = await openMany(server, 130);
    const expected = new Set(clients.map(({ welcome }) => welcome.connection_id));
    await eventually(async () => {
      const [first, second] = [await connectionsOf(server), await connectionsOf(server, "?page=1")];
      expect([first.length, second.length]).toEqual([100, 30]);
      expect(new Set([...first, ...second].map(({ id }) => id))).toEqual(expected);
    });
    for (const client of clients) client[Symbol.dispose]();
  });

  test.concurrent("USER_CONNECTIONS limits a user to one connection over all workers", async () => {
    await using server = await startServer({ flags: ["--workers", "3"], env: { USER_CONNECTIONS: "replace" } });
    let last = await SocketUnderTest.open(`${server.wsUrl}?user_id=u`);
    for (let again = 0; again < 8; again++) {
      const next = await SocketUnderTest.open(`${server.wsUrl}?user_id=u`);
      expect((await last.untilClosed()).code).toBe(4502);
      last = next;
    }
    last.close();
  });

  test.concurrent("a client that reconnects to another worker resumes where it left off", async () => {
    await using server = await startServer({ flags: ["--workers", "3"] });
    const publish = (n: number) => server.request("POST", "/v1/publish", { channel: "room", data: n });
    await publish(1);
    const query = "?channel=room&since=earliest";
    for (let n = 2; n < 12; n++) {
      using client = await SocketUnderTest.open(`${server.wsUrl}${query}`);
      expect((await client.untilMessages(n - 1)).map(({ data }) => data)).toEqual(
        Array.from({ length: n - 1 }, (_, i) => i + 1),
      );
      await publish(n);
      await client.untilMessages(n);
    }
  });
});

describe("a worker that dies", () => {
  test.concurrent("is replaced, and its clients reconnect and miss nothing", async () => {
    await using server = await startServer({ flags: ["--workers", "3"] });
    const [first = 0] = await pidsOf(server);
    const readers = Array.from({ length: 30 }, () => new Reader(server));
    for (const reader of readers) await reader.untilWelcome();
    const total = 300;
    for (let n = 1; n <= total; n++) {
      await publishSurely(server, n);
      if (n === 100) process.kill(first, "SIGKILL");
    }
    for (const reader of readers)
      expect(await reader.untilAll(total)).toEqual(Array.from({ length: total }, (_, i) => i + 1));
    expect(readers.some((it) => it.connects > 1)).toBe(true);
    await server.untilLogged(/worker \d has restarted/);
    // Whichever worker is asked. The kernel distributes the connections.
    for (let asked = 0; asked < 30; asked++)
      expect((await server.request("GET", "/readyz", undefined, { Connection: "close" })).status).toBe(200);
    for (const reader of readers) reader.stop();
  });

  test.concurrent("repeatedly ends the server with an error", async () => {
    await using server = await startServer({ flags: ["--workers", "1"] });
    let pid = (await pidsOf(server))[0] ?? 0;
    const isAlive = () => server.output.includes("Stopping the server: ");
    for (let kills = 0; kills < 20 && !isAlive(); kills++) {
      process.kill(pid, "SIGKILL");
      pid = await nextWorker(server, pid);
    }
    expect(await server.exited).toBe(1);
    expect(server.output).toContain("soon after its start, 8 times in a row");
  });

  test.concurrent("together with its supervisor: clients are closed within the window and no process is left", async () => {
    await using server = await startServer({ flags: ["--workers", "2"], env: { DRAIN_WINDOW: "1s" } });
    const pids = await pidsOf(server);
    const clients = await openMany(server, 10);
    server.signal("SIGKILL");
    for (const client of clients) expect((await client.untilClosed()).code).toBe(1012);
    for (const pid of pids) await until(() => !isRunning(pid), `worker ${pid} has ended`);
  });
});

describe("stopping", () => {
  test.concurrent("Ctrl+C lets all clients leave, and one summary covers all workers", async () => {
    await using server = await startServer({ flags: ["--workers", "3"] });
    const clients = await openMany(server, 12);
    for (const pid of await pidsOf(server)) process.kill(pid, "SIGINT"); // The terminal signals the whole group.
    server.signal("SIGINT");
    for (const client of clients) await client.until(({ event }) => event === "draining");
    for (const client of clients) client.close();
    expect(await server.exited).toBe(0);
    await server.untilLogged(/Stopped: {"initial":12,"left":12,"moved":0,"forced":0/);
  });

  test.concurrent("a second signal closes everything now", async () => {
    await using server = await startServer({ flags: ["--workers", "2"] });
    const clients = await openMany(server, 6);
    server.signal("SIGTERM");
    for (const client of clients) await client.until(({ event }) => event === "draining");
    server.signal("SIGTERM");
    for (const client of clients) expect((await client.untilClosed()).code).toBe(1012);
    expect(await server.exited).toBe(143);
  });
});

describe("starting", () => {
  test.concurrent("on a port that another server's workers use is an error", async () => {
    await using server = await startServer({ flags: ["--workers", "1"] });
    const second = startServer({ flags: ["--workers", "1", "--port", String(server.port)] });
    await expect(second).rejects.toThrow(`port ${server.port} on 127.0.0.1 is already in use`);
  });
});

const reconnectRandom = makeRandom();

/** A client that reconnects with its position, as any script would. */
class Reader {
  connects = 0;
  readonly #server: ServerUnderTest;
  readonly #received: number[] = [];
  readonly #watchers = new Set<() => void>();
  #cursor: string | undefined;
  #isStopped = false;
  #socket: WebSocket | undefined;

  constructor(server: ServerUnderTest) {
    this.#server = server;
    this.#connect();
  }

  async untilWelcome(): Promise<void> {
    while (this.#cursor === undefined) await this.#change();
  }

  async untilAll(count: number): Promise<readonly number[]> {
    while (this.#received.length < count) await this.#change();
    return this.#received;
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.close();
  }

  #connect(): void {
    if (this.#isStopped) return;
    this.connects++;
    const since = this.#cursor === undefined ? "" : `&since=${encodeURIComponent(this.#cursor)}`;
    const socket = new WebSocket(`${this.#server.wsUrl}?channel=room${since}`);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)));
    socket.onclose = () => setTimeout(() => this.#connect(), 50 + reconnectRandom() * 200);
  }

  #take(frame: Frame & { channels?: Record<string, { epoch: string; offset: number }> }): void {
    if (frame.event === "welcome") {
      const room = frame.channels?.room;
      this.#epoch = room?.epoch ?? "";
      this.#cursor ??= `room~${room?.epoch}~${room?.offset}`;
    }
    if (frame.type === "message" && frame.channel === "room") {
      this.#received.push(Number(frame.data));
      this.#cursor = `room~${this.#epoch}~${frame.offset}`;
    }
    for (const wake of [...this.#watchers]) wake();
  }

  #epoch = "";

  async #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#watchers.add(resolve);
    const timer = setTimeout(resolve, 20_000);
    await promise;
    clearTimeout(timer);
    this.#watchers.delete(resolve);
  }
}

/** Publishes with the same ID until it is acknowledged, since the worker that gets the request may be dying. */
async function publishSurely(server: ServerUnderTest, n: number): Promise<void> {
  // If the connection is cut, it is unknown whether the message was stored.
  await eventually(async () => {
    const answer = await server.request("POST", "/v1/publish", { channel: "room", data: n, id: `n-${n}` });
    expect(answer.status).toBe(200);
  });
}

/** The PID of the worker that replaces a dead one; 0 once the server has given up. */
async function nextWorker(server: ServerUnderTest, old: number): Promise<number> {
  let pid = 0;
  await until(() => {
    if (server.output.includes("Stopping the server: ")) return true;
    const { stdout } = Bun.spawnSync(["pgrep", "-P", String(server.pid)]);
    const child = Number(stdout.toString().trim().split("\n")[0]);
    if (child > 0 && child !== old) pid = child;
    return pid > 0;
  }, `a worker has taken the place of ${old}`);
  return pid;
}
