import type { Process } from "../process.ts";
import type { Wire } from "../wire.ts";
import { performOnKeys } from "./key-commands.ts";
import { Keys } from "./keys.ts";
import { Refusal } from "./refusal.ts";
import type { Answer, Script } from "./script.ts";
import { scriptsByText } from "./scripts.ts";

/** One connection as the server sees it. */
export interface Peer {
  readonly wire: Wire;
  readonly topics: Set<string>;
  /** Delivers a message of a topic. Not called while `isDeaf`. */
  receive(topic: string, text: string): void;
  /** Messages to it are lost although its connection is open. */
  isDeaf: boolean;
  /** While a WAIT is not answered, the commands after it wait, too. */
  blockedUntil: number;
}

/**
 * A model of one Redis server: the commands that Fanfare uses, as far as their effects can be seen. It can restart with what
 * it stored a while ago or with nothing, be stopped, and refuse writes.
 */
export class ModelRedis {
  readonly process: Process;
  keys: Keys;
  isDown = false;
  /** The error code with which writes are refused, such as `MISCONF`. */
  refusesWrites: string | undefined;
  /** The publication after this many breaks its connection before the answer is sent. 0: none does. */
  storesUntilLoss = 0;
  /** How many replicas confirm what was stored, which they do at once. */
  replicas = 0;
  /** Called with each message that is sent on a topic. */
  onStored: (topic: string, text: string) => void = () => undefined;
  #life: string;
  #lives = 0;
  readonly #peers = new Set<Peer>();
  readonly #loaded = new Map<string, Script>();

  constructor(process: Process) {
    this.process = process;
    this.keys = new Keys(() => process.now());
    this.#life = this.#newLife();
  }

  get life(): string {
    return this.#life;
  }

  attach(peer: Peer): void {
    this.#peers.add(peer);
    peer.wire.onFarEnd = () => void this.#peers.delete(peer);
  }

  get peers(): Iterable<Peer> {
    return this.#peers;
  }

  /** Redis crashes: its connections break. */
  crash(): void {
    this.isDown = true;
    for (const { wire } of this.#peers) wire.cut({ near: true, far: false });
    this.#peers.clear();
    this.#loaded.clear();
  }

  /** Redis starts again, with a new run id and these keys. */
  restart(keys: Keys): void {
    this.keys = keys;
    this.isDown = false;
    this.#life = this.#newLife();
  }

  /** Runs what a connection has sent, or what answers it, once the connection is not blocked. */
  whenUnblocked(peer: Peer, run: () => void): void {
    if (peer.blockedUntil <= this.process.timeline.now) run();
    else
      this.process.post(peer.blockedUntil, () => {
        if (peer.wire.isFarOpen) this.whenUnblocked(peer, run);
      });
  }

  /** @throws Refusal */
  perform(peer: Peer, [name = "", ...args]: readonly string[]): Answer {
    switch (name) {
      case "INFO":
        return `redis_version:7.2.4\r\nrole:master\r\nmaster_replid:${this.#life}\r\ncluster_enabled:0\r\nmaxmemory:0\r\n`;
      case "TIME":
        return [String(Math.floor(this.process.now() / 1000)), String((this.process.now() % 1000) * 1000)];
      case "SCRIPT":
        return this.#load(args[1] ?? "");
      case "EVALSHA":
        return this.#evaluate(peer, args);
      case "SUBSCRIBE":
        for (const topic of args) peer.topics.add(topic);
        return args.length;
      case "UNSUBSCRIBE":
        for (const topic of args) peer.topics.delete(topic);
        return args.length;
      case "WAIT":
        if (this.replicas < Number(args[0])) peer.blockedUntil = this.process.timeline.now + Number(args[1]);
        return this.replicas;
      case "PUBLISH":
        return this.#send(args[0] ?? "", args[1] ?? "");
      default:
        if (this.refusesWrites !== undefined && !/^(GET|EXISTS|PTTL|SSCAN|ZRANGE)$/.test(name)) {
          throw new Refusal(`${this.refusesWrites} writes are refused`);
        }
        return performOnKeys(this.keys, name, args);
    }
  }

  #load(lua: string): string {
    const script = scriptsByText.get(lua);
    if (script === undefined) throw new Refusal("ERR this script has no model");
    this.#loaded.set(script.sha, script.run);
    return script.sha;
  }

  #evaluate({ wire }: Peer, [sha = "", count, ...rest]: readonly string[]): Answer {
    const run = this.#loaded.get(sha);
    if (run === undefined) throw new Refusal("NOSCRIPT No matching script. Please use EVAL.");
    // Nearly all scripts write; the one that reads is refused as well where it would have to make a record.
    if (this.refusesWrites !== undefined) throw new Refusal(`${this.refusesWrites} writes are refused`);
    const names = rest.slice(0, Number(count));
    const context = {
      keys: this.keys,
      now: () => this.process.now(),
      send: (topic: string, text: string) => this.#send(topic, text),
    };
    const answer = run(context, names, rest.slice(Number(count)));
    const isStored = Array.isArray(answer) && answer[0] === "stored";
    if (isStored && this.storesUntilLoss > 0 && --this.storesUntilLoss === 0) wire.cut({ near: true, far: true });
    return answer;
  }

  #send(topic: string, text: string): number {
    this.onStored(topic, text);
    let count = 0;
    for (const peer of this.#peers) {
      if (!peer.topics.has(topic)) continue;
      count++;
      if (!peer.isDeaf) peer.wire.toNear(() => peer.receive(topic, text));
    }
    return count;
  }

  #newLife(): string {
    return `life${++this.#lives}-${this.process.dice.whole(0, 2 ** 30)}`;
  }
}
