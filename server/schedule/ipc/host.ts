import { getLogger } from "@logtape/logtape";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Link, LinkEvents } from "../../lib/link/link.ts";
import { type LinkListener, listenForLinks } from "../../lib/link/sockets.ts";
import type { Records } from "../memory/records.ts";
import type { ScheduleStoreEvents } from "../schedule-store.ts";
import { type HostMessage, scheduleProtocol, type WorkerMessage } from "./messages.ts";

export interface ScheduleHostOptions {
  /** The socket path for workers; see lib/link/socket-path.ts. */
  readonly path: string;
  readonly records: Records;
  /** Whether the records survive a restart. */
  readonly isDurable: boolean;
  /** Called when the host is closed, after the last answer. */
  close?(): void;
}

/** One connected worker. */
interface Worker {
  readonly link: Link;
  readonly events: ScheduleStoreEvents;
  /** Its schedulers that have asked for the lease: one. */
  readonly holders: Set<string>;
}

/**
 * Shares the schedules in this process with the workers of this machine, which connect as `IpcScheduleStore`.
 *
 * A worker that is gone loses the lease at once, and the others hear of it.
 */
export class ScheduleHost {
  readonly #options: ScheduleHostOptions;
  readonly #workers = new Set<Worker>();
  #listener: LinkListener | undefined;

  constructor(options: ScheduleHostOptions) {
    this.#options = options;
  }

  /** @throws Error if the path cannot be used */
  start(): void {
    const settings = { protocol: scheduleProtocol, name: `host ${process.pid}` };
    this.#listener = listenForLinks(this.#options.path, settings, (link) => this.#welcome(link));
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#listener?.close();
    await Promise.all(Array.from(this.#workers, ({ link }) => link.close()));
    this.#options.close?.();
  }

  #welcome(link: Link): LinkEvents {
    const { records, isDurable } = this.#options;
    const events = {
      onDue: (dueAt: number) => send(link, { verb: "due", dueAt }),
      onFree: () => send(link, { verb: "free" }),
    };
    const worker: Worker = { link, events, holders: new Set() };
    return {
      onOpen: () => {
        this.#workers.add(worker);
        records.listen(events);
        send(link, { verb: "welcome", isDurable });
      },
      onText: (text) => this.#handle(worker, JSON.parse(text) as WorkerMessage),
      onClose: ({ cause }) => {
        if (cause !== undefined) log().error("{name} was disconnected: {cause}", { name: link.peer, cause });
        this.#workers.delete(worker);
        records.unlisten(events);
        for (const holder of worker.holders) records.lease.gone(holder);
      },
    };
  }

  #handle({ link, holders }: Worker, message: WorkerMessage): void {
    const { records } = this.#options;
    const { n } = message;
    if (message.verb === "read") send(link, { verb: "page", n, page: records.read(message.query) });
    else if (message.verb === "write") {
      try {
        send(link, { verb: "outcomes", n, outcomes: records.write(message.writes, message.token) });
      } catch (error) {
        send(link, { verb: "refused", n, reason: error instanceof ServiceError ? error.message : String(error) });
      }
    } else {
      holders.add(message.request.holder);
      const { token, expiresInMs } = records.lease.request(message.request);
      send(link, { verb: "leased", n, expiresInMs, ...(token === undefined ? {} : { token }) });
    }
  }
}

function send(link: Link, message: HostMessage): void {
  link.send(JSON.stringify(message));
}

function log() {
  return getLogger(["fanfare", "schedule"]);
}
