import { type DirectOptions, parseDirectOptions, usage } from "./direct/direct-options.ts";
import { Pusher } from "./direct/pusher.ts";
import { readUsage } from "./fanout/process-usage.ts";
import { fanfare } from "./fanout/program.ts";
import { ServerProcess, type StartedProgram } from "./fanout/server-process.ts";
import { medianOf } from "./fanout/statistics.ts";

/** The number of connections that push at once if the rate is unlimited. */
const pushingConnections = 32;

interface Result {
  readonly perSecond: number;
  /** CPU time of the server per push, microseconds. */
  readonly cpuUs: number;
}

/** Compares the cost of a push to one user with a minimal Bun program. */
async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 1;
  const bare = { name: "bare", command: (port: number) => ["bench/bare-direct.ts", "--port", String(port)] };
  const programs: readonly StartedProgram[] = [bare, ...options.workers.map((it) => fanfare("plain", it, []))];
  const results = new Map<string, Result[]>(programs.map(({ name }) => [name, []]));
  for (let round = 1; round <= options.rounds; round++) {
    // In turn, so that other load on the machine affects all of them alike.
    for (const program of programs) {
      console.error(`round ${round} of ${options.rounds}: ${program.name}`);
      results.get(program.name)?.push(await measure(program, options));
    }
  }
  console.log(tableOf(results, options));
  return 0;
}

async function measure(program: StartedProgram, options: DirectOptions): Promise<Result> {
  const { users, perSecond, seconds, isOffline } = options;
  const server = await ServerProcess.start(program);
  try {
    const sockets = await connectAll(server.port, users);
    let turn = 0;
    const nextUser = () => `${isOffline ? "offline" : "u"}${turn++ % users}`;
    const pusher = await Pusher.connect(server.port, pushingConnections, nextUser);
    const push = (time: number) => (perSecond === 0 ? pusher.saturate(time) : pusher.pace(perSecond, time));
    await push(2); // Warms up, so that compilation is not measured.
    const [before, answered, begin] = [readUsage(server.pid).cpuUs, pusher.answered, performance.now()];
    await push(seconds);
    const count = pusher.answered - answered;
    const passed = (performance.now() - begin) / 1000;
    if (pusher.refused > 0) throw new Error(`${program.name} refused ${pusher.refused} pushes`);
    const result = { perSecond: count / passed, cpuUs: (readUsage(server.pid).cpuUs - before) / count };
    pusher.close();
    for (const socket of sockets) socket.terminate();
    return result;
  } finally {
    await server.close();
  }
}

/** Connects a few at a time, because the listen backlog is bounded. */
async function connectAll(port: number, users: number): Promise<readonly WebSocket[]> {
  const sockets: WebSocket[] = [];
  while (sockets.length < users) {
    const some = Array.from({ length: Math.min(100, users - sockets.length) }, (_, n) =>
      connect(port, sockets.length + n),
    );
    sockets.push(...(await Promise.all(some)));
  }
  return sockets;
}

function connect(port: number, n: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?user_id=u${n}`);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error("a user could not connect"));
  });
}

function tableOf(results: ReadonlyMap<string, readonly Result[]>, options: DirectOptions): string {
  const { users, perSecond, isOffline, seconds, rounds } = options;
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
      `${perSecond === 0 ? `${pushingConnections} connections, one push after the other` : `${perSecond}/s over ${pushingConnections} connections`}, ` +
      `${seconds} s, median of ${rounds} rounds`,
    "",
    "| | pushes/s | CPU µs per push | : bare |",
    "| --- | ---: | ---: | ---: |",
    ...rows.map((it) => `| ${it} |`),
  ].join("\n");
}

function readOptions(): DirectOptions | undefined {
  try {
    return parseDirectOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return undefined;
  }
}

process.exitCode = await main();
