import { createConnection } from "node:net";
import { SetupError } from "../programs.js";
import { freePort, Guarded } from "./guarded.js";
import { until } from "./until.js";

/** A Redis server with the settings that docs/machines.md recommends. */
export class Redis {
  url;
  #program;

  /**
   * @param {string} url
   * @param {Guarded} program
   */
  constructor(url, program) {
    this.url = url;
    this.#program = program;
  }

  /**
   * @param {string} redisServer path of the program
   * @param {string} folder where it keeps its data
   */
  static async start(redisServer, folder) {
    const port = await freePort();
    const settings = {
      port,
      bind: "127.0.0.1",
      dir: folder,
      appendonly: "yes",
      "maxmemory-policy": "noeviction",
      loglevel: "warning",
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const program = new Guarded("redis", redisServer, args, { isShown: false });
    const redis = new Redis(`redis://127.0.0.1:${port}`, program);
    const failed = program.ended.then((output) => {
      throw new SetupError(`redis-server exited before it answered; it printed:\n${output}`);
    });
    await until(() => answersPing(port), "Redis answers", failed);
    return redis;
  }

  get ended() {
    return this.#program.ended;
  }

  stop() {
    return this.#program.stop();
  }
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function answersPing(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("data", (data) => {
      socket.destroy();
      resolve(String(data).startsWith("+PONG"));
    });
    socket.once("error", () => resolve(false));
  });
}
