import { createConnection } from "node:net";
import { onFreePort } from "../free-port.js";
import { Guarded } from "./guarded.js";

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
  static start(redisServer, folder) {
    return onFreePort((port) => Redis.#startOn(port, redisServer, folder));
  }

  /** @param {number} port @param {string} redisServer @param {string} folder */
  static async #startOn(port, redisServer, folder) {
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
    await program.untilReady(() => answersPing(port), "Redis answers");
    return new Redis(`redis://127.0.0.1:${port}`, program);
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
