import { type DirectOptions, parseDirectOptions, usage } from "./direct/direct-options.ts";
import { Pusher } from "./direct/pusher.ts";
import { type Driver, drivers, loadDriver, type PublishRequest } from "./drivers/driver.ts";
import { readUsage } from "./fanout/process-usage.ts";
import { fanfare, type Program } from "./fanout/program.ts";
import { readOptions } from "./fanout/read-options.ts";
import { ServerProcess } from "./fanout/server-process.ts";
import { medianOf } from "./fanout/statistics.ts";

const connectAttempts = 10;

interface Result {
  readonly perSecond: number;
  /** CPU time of the server per push, microseconds. */
  readonly cpuUs: number;
}

/** Compares the cost of a push to one user with a minimal Bun program. */
async function main(): Promise<number> {
  const options = readOptions(parseDirectOptions, usage);
  const others = options.against === undefined ? [] : [options.against];
  const programs = [bareDirect, ...others, ...options.workers.map((it) => fanfare("plain", it, []))];
  const results = new Map<string, Result[]>(programs.map(({ name }) => [name, []]));
  const running: Measured[] = [];
  try {
    for (const program of programs) running.push(await start(program, options));
    for (const it of running) await push(it, options.warmUpSeconds, options);
    for (let round = 1; round <= options.rounds; round++) {
      // All of them run all the time and take turns, so that other load on the machine affects them alike.
      for (const it of running) {
        console.error(`round ${round} of ${options.rounds}: ${it.program.name}`);
        results.get(it.program.name)?.push(await push(it, options.seconds, options));
      }
    }
  } finally {
    for (const { server, sockets } of running) {
      for (const socket of sockets) socket.terminate();
      await server.close();
    }
  }
  console.log(tableOf(results, options));
  return 0;
}

/** A running program with its connected users. */
interface Measured {
  readonly program: Program;
  readonly server: ServerProcess;
  readonly sockets: readonly WebSocket[];
  readonly nextRequest: () => PublishRequest;
}

async function start(program: Program, { users, isOffline, batch }: DirectOptions): Promise<Measured> {
  const driver = await loadDriver(program.driver);
  const server = await ServerProcess.start(program);
  let turn = 0;
  const nextUser = () => `${isOffline ? "offline" : "u"}${turn++ % users}`;
  try {
    const sockets = await connectAll(server.port, users, driver);
    return { program, server, sockets, nextRequest: requestsTo(driver, nextUser, batch) };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** The least that a push can cost. */
const bareDirect: Program = {
  name: "bare",
  clients: "plain",
  driver: drivers.bareDirect,
  command: (port) => ["bench/bare-direct.ts", "--port", String(port)],
};

/** Pushes over new connections, because servers close those that were idle while the others had their turn. */
async function push(
  { program, server, nextRequest }: Measured,
  duration: number,
  { perSecond, connections, batch }: DirectOptions,
): Promise<Result> {
  const pusher = await Pusher.connect(server.port, connections, nextRequest);
  const [before, begin] = [readUsage(server.pid).cpuUs, performance.now()];
  await (perSecond === 0 ? pusher.saturate(duration) : pusher.pace(perSecond / batch, duration));
  const passed = (performance.now() - begin) / 1000;
  const cpuUs = readUsage(server.pid).cpuUs - before;
  pusher.close();
  if (pusher.refused > 0) throw new Error(`${program.name} refused ${pusher.refused} pushes`);
  const count = pusher.answered * batch;
  return { perSecond: count / passed, cpuUs: cpuUs / count };
}

/** Makes the requests. @throws Error if the driver cannot */
function requestsTo(driver: Driver, nextUser: () => string, batch: number): () => PublishRequest {
  const data = { order: 42, text: "x".repeat(70) };
  const { push, pushBatch } = driver;
  if (batch === 1 && push !== undefined) return () => push(nextUser(), data);
  if (batch > 1 && pushBatch !== undefined) return () => pushBatch(Array.from({ length: batch }, nextUser), data);
  throw new Error(`the driver has no \`${batch === 1 ? "push" : "pushBatch"}\`, which this bench needs`);
}

/** Connects a few at a time, because the listen backlog is bounded. */
async function connectAll(port: number, users: number, driver: Driver): Promise<readonly WebSocket[]> {
  const sockets: WebSocket[] = [];
  while (sockets.length < users) {
    const some = Array.from({ length: Math.min(100, users - sockets.length) }, (_, n) =>
      connect(port, `u${sockets.length + n}`, driver),
    );
    sockets.push(...(await Promise.all(some)));
  }
  return sockets;
}

/** Tries several times: while the last workers start, the supervisor refuses some of the handshakes for them. */
async function connect(port: number, user: string, driver: Driver): Promise<WebSocket> {
  for (let attempt = 1; attempt <= connectAttempts; attempt++) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${driver.socketPath(user)}`);
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.onopen = () => resolve(true);
      socket.onerror = () => resolve(false);
    });
    if (isOpen) {
      for (const text of driver.greeting?.(user) ?? []) socket.send(text);
      return socket;
    }
    await Bun.sleep(100 * attempt);
  }
  throw new Error("a user could not connect");
}

function tableOf(results: ReadonlyMap<string, readonly Result[]>, options: DirectOptions): string {
  const { users, perSecond, connections, isOffline, seconds, rounds } = options;
  const medians = Array.from(results, ([name, all]) => ({
    name,
    perSecond: medianOf(all.map((it) => it.perSecond)),
    cpuUs: medianOf(all.map((it) => it.cpuUs)),
  }));
  const [bare] = medians;
  const rows = medians.map(({ name, ...it }) =>
    [name, it.perSecond.toFixed(0), it.cpuUs.toFixed(1), (it.cpuUs / (bare?.cpuUs ?? 1)).toFixed(2)].join(" | "),
  );
  return [
    `${users} connected users, pushes to ${isOffline ? "users that are offline" : "connected ones"}, ` +
      `${perSecond === 0 ? "one push after the other" : `${perSecond}/s`} over ${connections} connection(s), ` +
      `${options.batch === 1 ? "" : `${options.batch} in one request, `}${seconds} s, median of ${rounds} rounds`,
    "",
    "| | pushes/s | CPU µs per push | : bare |",
    "| --- | ---: | ---: | ---: |",
    ...rows.map((it) => `| ${it} |`),
  ].join("\n");
}

process.exitCode = await main();
