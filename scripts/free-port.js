import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const host = "127.0.0.1";
/**
 * Systems use ports from 32768, or from 49152, for outgoing connections. A port from that range can be taken by any
 * connection between the time it is chosen and the time a server listens on it.
 */
const first = 10_000;
const count = 10_000;
/** A node of a Redis Cluster also listens on its port + 10000. */
const busOffset = 10_000;
const maxAttempts = 5;
/** Browsers do not connect to it ("bad port" of the Fetch standard), the only one in this range. */
const blocked = 10_080;

/**
 * A port for a program that must be told its port. No other process that asks in the same way gets it, because this process
 * keeps the UDP port of the same number until it exits. The port + 10000 is free, too.
 *
 * @returns {Promise<number>} from 10000 to 19999, on 127.0.0.1
 */
export async function freePort() {
  const start = Math.floor(Math.random() * count);
  for (let n = 0; n < count; n++) {
    const port = first + ((start + n) % count);
    if (port !== blocked && (await claim(port)) && (await isFree(port)) && (await isFree(port + busOffset)))
      return port;
  }
  throw new Error(`no port from ${first} to ${first + count - 1} is free`);
}

/**
 * Starts a program on a free port. If it fails because another program uses the port, it is started again on another one.
 *
 * @template T
 * @param {(port: number) => Promise<T>} start must fail with what the program printed if it exits
 * @returns {Promise<T>}
 */
export async function onFreePort(start) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return await start(port);
    } catch (error) {
      if (attempt === maxAttempts || !isTaken(port, error)) throw error;
    }
  }
}

/**
 * @param {number} port
 * @param {unknown} error of `listen`, or with the output of a program
 */
function isTaken(port, error) {
  if (!(error instanceof Error)) return false;
  if ("code" in error && error.code === "EADDRINUSE") return "port" in error && error.port === port;
  const { message } = error;
  return /already in use/i.test(message) && [port, port + busOffset].some((it) => message.includes(String(it)));
}

/** @param {number} port @returns {Promise<boolean>} false if another process, or this one, has claimed it */
function claim(port) {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(false));
    socket.bind({ port, address: host, exclusive: true }, () => {
      socket.unref();
      resolve(true);
    });
  });
}

/** @param {number} port @returns {Promise<boolean>} */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
