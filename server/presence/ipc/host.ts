import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { present } from "../../../protocol/codec.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { encodeFrame } from "../../lib/link/frame.ts";
import type { Link, LinkEvents } from "../../lib/link/link.ts";
import { type LinkListener, listenForLinks } from "../../lib/link/sockets.ts";
import { PresenceLedger } from "../ledger.ts";
import type { PresenceUpdate } from "../presence-store.ts";
import { type HostMessage, presenceProtocol, presencePulse, type WorkerMessage } from "./messages.ts";

/** How long the presences of a worker without a link remain: its clients may be on their way to another worker. */
const orphanMs = 3000;
/**
 * How long workers may take to send their presences again to a host that has none. Longer than they wait between two
 * attempts.
 */
const rebuildMs = 2500;

interface Worker {
  readonly owner: string;
  readonly link: Link;
  readonly watched: Set<ChannelName>;
}

/**
 * Keeps the presences of the workers of one machine, in the supervisor's process. Nothing has to be handed over to another
 * supervisor: the workers know their own connections, and send them again to a host that does not know them.
 */
export class PresenceHost {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #ledger: PresenceLedger;
  readonly #workers = new Map<string, Worker>();
  readonly #watchers = new Map<ChannelName, Set<Worker>>();
  /** Workers without a link. */
  readonly #orphans = new Map<string, Timer>();
  /** Until then some workers may not have sent their presences again. */
  #completeAt = 0;
  /** Ends at that time. Until then no events are sent, because most presences have existed all along. */
  #rebuilding: Timer | undefined;
  #listener: LinkListener | undefined;

  /** @param path the socket path for workers; see lib/link/socket-path.ts */
  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#ledger = new PresenceLedger(clock);
  }

  /** @throws Error if the path cannot be used */
  start(): void {
    const settings = { protocol: presenceProtocol, name: `host ${process.pid}`, ...presencePulse };
    this.#listener = listenForLinks(this.#path, settings, (link) => this.#welcome(link));
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#listener?.close();
    this.#rebuilding?.cancel();
    for (const timer of this.#orphans.values()) timer.cancel();
    this.#orphans.clear();
    await Promise.all(Array.from(this.#workers.values(), ({ link }) => link.close()));
  }

  #welcome(link: Link): LinkEvents {
    let worker: Worker | undefined;
    return {
      onOpen: () => undefined,
      onText: (text) => {
        const message = JSON.parse(text) as WorkerMessage;
        if (message.verb === "hello") worker = this.#join(link, message);
        else if (worker !== undefined) this.#handle(worker, message);
      },
      onClose: ({ cause }) => {
        if (cause !== undefined) log().error("{name} was disconnected: {cause}", { name: link.peer, cause });
        if (worker !== undefined) this.#leave(worker);
      },
    };
  }

  #join(link: Link, { owner, returns }: WorkerMessage & { verb: "hello" }): Worker {
    const isKnown = this.#workers.has(owner) || this.#orphans.has(owner);
    this.#orphans.get(owner)?.cancel();
    this.#orphans.delete(owner);
    if (returns && !isKnown) this.#rebuild();
    const worker: Worker = { owner, link, watched: new Set() };
    this.#workers.set(owner, worker);
    send(link, { verb: "welcome", isKnown });
    return worker;
  }

  #rebuild(): void {
    this.#completeAt = this.#clock.monotonic() + rebuildMs;
    this.#rebuilding?.cancel();
    this.#rebuilding = this.#clock.setTimeout(() => {
      this.#rebuilding = undefined;
      for (const { link } of this.#workers.values()) send(link, { verb: "check" });
    }, rebuildMs);
  }

  #handle(worker: Worker, message: Exclude<WorkerMessage, { verb: "hello" }>): void {
    const { owner, link } = worker;
    const { channel } = message;
    if (message.verb === "apply") {
      const applied = this.#ledger.apply(owner, channel, message.changes, message.size);
      const update = this.#rebuilding === undefined ? applied.update : undefined;
      if (update !== undefined) this.#announce(channel, update);
      send(link, { verb: "done", n: message.n, unlisted: applied.unlisted, ...present({ update }) });
    } else if (message.verb === "watch") {
      this.#watch(worker, channel);
      send(link, { verb: "position", n: message.n, position: this.#ledger.positionOf(channel) });
    } else if (message.verb === "unwatch") this.#unwatch(worker, channel);
    else {
      const forMs = Math.ceil(this.#completeAt - this.#clock.monotonic());
      if (forMs > 0) send(link, { verb: "incomplete", n: message.n, forMs });
      else send(link, { verb: "page", n: message.n, page: this.#ledger.read(channel, message.page) });
    }
  }

  #watch(worker: Worker, channel: ChannelName): void {
    worker.watched.add(channel);
    const watchers = this.#watchers.get(channel);
    if (watchers === undefined) this.#watchers.set(channel, new Set([worker]));
    else watchers.add(worker);
  }

  #unwatch(worker: Worker, channel: ChannelName): void {
    worker.watched.delete(channel);
    const watchers = this.#watchers.get(channel);
    watchers?.delete(worker);
    if (watchers?.size === 0) this.#watchers.delete(channel);
  }

  #leave(worker: Worker): void {
    for (const channel of worker.watched) this.#unwatch(worker, channel);
    const { owner } = worker;
    if (this.#workers.get(owner) !== worker) return; // it has another link already
    this.#workers.delete(owner);
    const remove = () => {
      this.#orphans.delete(owner);
      const [other] = this.#workers.values();
      for (const [channel, update] of this.#ledger.removeOwner(owner)) {
        this.#announce(channel, update);
        if (other !== undefined) send(other.link, { verb: "caused", channel, update });
      }
    };
    this.#orphans.set(owner, this.#clock.setTimeout(remove, orphanMs));
  }

  #announce(channel: ChannelName, update: PresenceUpdate): void {
    const watchers = this.#watchers.get(channel);
    if (watchers === undefined || this.#rebuilding !== undefined) return;
    const message: HostMessage = { verb: "events", channel, update };
    const frame = encodeFrame(JSON.stringify(message));
    for (const { link } of watchers) link.sendFrame(frame);
  }
}

function send(link: Link, message: HostMessage): void {
  link.send(JSON.stringify(message));
}

function log() {
  return getLogger(["fanfare", "presence"]);
}
