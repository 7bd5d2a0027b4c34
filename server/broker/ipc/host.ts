import { getLogger } from "@logtape/logtape";
import type { Publication } from "../../../protocol/publication.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Frame } from "../../lib/link/frame.ts";
import type { Link, LinkEnd, LinkEvents, LinkSettings } from "../../lib/link/link.ts";
import { Outbox } from "../../lib/link/outbox.ts";
import { type LinkListener, listenForLinks } from "../../lib/link/sockets.ts";
import type { Broker, ChannelDirectory } from "../broker.ts";
import { Audience } from "./audience.ts";
import { HostedWorker } from "./hosted-worker.ts";
import { ipcProtocol } from "./messages.ts";
import { writeDelivery } from "./publication-fields.ts";

/** How long a worker may take to read the last answers when the host closes, in milliseconds. */
const lastAnswersMs = 2000;

/** Settings of an IPC host. */
export interface IpcHostOptions {
  /** Where workers connect; see lib/link/socket-path.ts. */
  readonly path: string;
  /** The broker of this process, not started yet. It alone numbers, stores and delivers. */
  readonly broker: Broker & ChannelDirectory;
  /** Limits for the links to workers. */
  readonly link?: Pick<LinkSettings, "maxQueuedBytes" | "beatMs" | "maxSilentBeats" | "clock">;
}

/**
 * Shares the broker of this process with the workers of this machine, which connect as `IpcBroker`.
 *
 * Each worker gets the publications of the channels that it listens to. A worker that does not read is disconnected when
 * too much is queued for it, and reconnects. It does not block the others.
 */
export class IpcHost {
  readonly #options: IpcHostOptions;
  readonly #audience = new Audience<HostedWorker>();
  readonly #workers = new Set<HostedWorker>();
  readonly #encoder = new Outbox();
  #listener: LinkListener | undefined;
  #healthy = false;
  #closing: Promise<void> | undefined;

  constructor(options: IpcHostOptions) {
    this.#options = options;
  }

  /** Starts the broker, then accepts workers. @throws errors of the broker's start; Error when the path cannot be used. */
  async start(): Promise<void> {
    const { broker, path, link } = this.#options;
    await broker.start({
      onPublication: (publication) => this.#deliver(publication),
      onBreak: () => {
        for (const worker of this.#workers) worker.send({ verb: "break" });
      },
      onReset: (channel, top) => {
        for (const worker of this.#audience.of(channel)) worker.send({ verb: "reset", channel, top });
      },
      onHealth: (healthy) => this.#reportHealth(healthy),
    });
    const settings = { ...link, protocol: ipcProtocol, name: `host ${process.pid}` };
    try {
      this.#listener = listenForLinks(path, settings, (it) => this.#accept(it));
    } catch (error) {
      await broker.close();
      throw error;
    }
  }

  /** How many workers are connected. */
  get workers(): number {
    return this.#workers.size;
  }

  /** Accepts no more workers, finishes accepted work, answers, and closes the broker. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#listener?.close();
    await this.#options.broker.close();
    const { clock = systemClock } = this.#options.link ?? {};
    const timeout = clock.setTimeout(() => {
      for (const worker of this.#workers) worker.cut("it did not read its last answers in time");
    }, lastAnswersMs);
    await Promise.all(Array.from(this.#workers, (worker) => worker.close()));
    timeout.cancel();
  }

  #accept(link: Link): LinkEvents {
    const { broker } = this.#options;
    const worker = new HostedWorker({ link, broker, audience: this.#audience });
    return {
      onOpen: () => {
        if (this.#closing !== undefined) {
          worker.cut("this host is closing");
          return;
        }
        this.#workers.add(worker);
        worker.send({ verb: "health", healthy: this.#healthy });
        logger().debug("{name} is connected.", { name: worker.name });
      },
      onText: (text) => worker.handleQuestion(text),
      onFields: (fields) => worker.publish(fields),
      onClose: (end) => this.#removeWorker(worker, end),
    };
  }

  #removeWorker(worker: HostedWorker, { reason, isRefusal, cause }: LinkEnd): void {
    this.#workers.delete(worker);
    worker.leave();
    const name = worker.name === "" ? "A process that did not say its name" : worker.name;
    if (cause !== undefined) logger().error("{name} was disconnected: {cause}", { name, cause });
    else if (isRefusal) logger().error("{name} was refused: {reason}.", { name, reason });
    else logger().debug("{name} disconnected: {reason}.", { name, reason });
  }

  /** Hot path: encoded into the bytes of the first worker, and once more for all others. */
  #deliver(publication: Publication): void {
    let isFirst = true;
    let frame: Frame | undefined;
    for (const worker of this.#audience.of(publication.channel)) {
      if (worker.isPublishing(publication)) continue;
      if (isFirst) {
        worker.deliver(publication);
        isFirst = false;
        continue;
      }
      frame ??= this.#encode(publication);
      worker.deliverFrame(frame);
    }
  }

  /** @returns a frame that is valid until the next call */
  #encode(publication: Publication): Frame {
    writeDelivery(this.#encoder.begin(), publication);
    this.#encoder.end();
    return this.#encoder.take();
  }

  #reportHealth(healthy: boolean): void {
    this.#healthy = healthy;
    for (const worker of this.#workers) worker.send({ verb: "health", healthy });
  }
}

function logger() {
  return getLogger(["fanfare", "broker"]);
}
