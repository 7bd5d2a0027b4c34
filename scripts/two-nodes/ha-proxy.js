import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { onFreePort } from "../free-port.js";
import { Guarded } from "./guarded.js";

/** @typedef {import("./fanfare-node.js").FanfareNode} FanfareNode */

/** HAProxy in front of two nodes, with the configuration in deploy/two-nodes. */
export class HaProxy {
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
   * @param {string} haproxy path of the program
   * @param {{ folder: string, port: number, nodes: readonly [FanfareNode, FanfareNode] }} options port 0 means any free port
   */
  static start(haproxy, { port, ...place }) {
    const startOn = (/** @type {number} */ port) => HaProxy.#startOn(port, haproxy, place);
    return port === 0 ? onFreePort(startOn) : startOn(port);
  }

  /**
   * @param {number} port
   * @param {string} haproxy
   * @param {{ folder: string, nodes: readonly [FanfareNode, FanfareNode] }} place
   */
  static async #startOn(port, haproxy, { folder, nodes: [one, two] }) {
    const recipe = readFileSync("deploy/two-nodes/haproxy.cfg", "utf8");
    const config = join(folder, "haproxy.cfg");
    writeFileSync(
      config,
      recipe
        // Each connection needs two open files, and the default limit of the machine may be low.
        .replace("maxconn 50000", "maxconn 400")
        .replace("bind :8000", `bind 127.0.0.1:${port}`)
        .replaceAll("/usr/local/etc/haproxy/", `${resolve("deploy")}/`)
        .replaceAll(" one:8000", ` 127.0.0.1:${one.port}`)
        .replaceAll(" two:8000", ` 127.0.0.1:${two.port}`)
        // The DNS settings are for the names in the compose file.
        .replaceAll(" init-addr last,libc,none resolvers docker", "")
        .replaceAll(/^resolvers docker\n(?: {2}.*\n)*/gm, ""),
    );
    const program = new Guarded("haproxy", haproxy, ["-db", "-f", config], { isShown: true });
    const url = `http://127.0.0.1:${port}/`;
    await program.untilReady(() => isReady(url), "HAProxy reaches a node");
    return new HaProxy(url, program);
  }

  get ended() {
    return this.#program.ended;
  }

  stop() {
    return this.#program.stop();
  }
}

/** @param {string} url */
async function isReady(url) {
  try {
    return (await fetch(`${url}readyz`)).ok;
  } catch {
    return false; // It does not listen yet.
  }
}
