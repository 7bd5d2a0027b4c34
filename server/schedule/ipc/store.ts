import { getLogger } from "@logtape/logtape";
import { RequestLink } from "../../lib/link/request-link.ts";
import type {
  Lease,
  LeaseRequest,
  RecordPage,
  RecordQuery,
  RecordWrite,
  ScheduleStore,
  ScheduleStoreEvents,
  WriteOutcome,
} from "../schedule-store.ts";
import { schedulesRefused, schedulesUnavailable } from "../unavailable.ts";
import { type Answer, type HostMessage, scheduleProtocol, type WorkerMessage } from "./messages.ts";

/**
 * Sooner than by default: a worker that hangs must not publish occurrences minutes late that it has queued for the
 * supervisor.
 */
const pulse = { beatMs: 2000, maxSilentBeats: 3 };

export interface IpcScheduleStoreOptions {
  /** The socket path of the host. */
  readonly path: string;
  /** For the host's log: `worker 2`. */
  readonly name: string;
}

/** The schedules of one machine's workers, kept by the supervisor's `ScheduleHost`. */
export class IpcScheduleStore implements ScheduleStore {
  isDurable = false;
  readonly #link: RequestLink<WorkerMessage, Answer>;
  #events: ScheduleStoreEvents | undefined;

  constructor({ path, name }: IpcScheduleStoreOptions) {
    const host = "the host of the schedules";
    this.#link = new RequestLink(
      { path, protocol: scheduleProtocol, name, ...pulse, host, makeError: schedulesUnavailable },
      {
        onOpen: () => undefined, // the host greets by itself
        onMessage: (message) => this.#handle(message as HostMessage),
        onFault: (cause) => {
          const text = "A message of the host of the schedules could not be handled: {cause}";
          getLogger(["fanfare", "schedule"]).error(text, { cause });
        },
      },
    );
  }

  /** @throws Error if the host does not answer in time, or uses another version */
  start(events: ScheduleStoreEvents): Promise<void> {
    this.#events = events;
    return this.#link.start();
  }

  async read(query: RecordQuery): Promise<RecordPage> {
    const answer = await this.#link.ask((n) => ({ verb: "read", n, query }));
    if (answer.verb !== "page") throw unexpected(answer);
    return answer.page;
  }

  async write(writes: readonly RecordWrite[], token?: number): Promise<readonly WriteOutcome[]> {
    const answer = await this.#link.ask((n) => ({
      verb: "write",
      n,
      writes,
      ...(token === undefined ? {} : { token }),
    }));
    if (answer.verb !== "outcomes") throw unexpected(answer);
    return answer.outcomes;
  }

  async lease(request: LeaseRequest): Promise<Lease> {
    const answer = await this.#link.ask((n) => ({ verb: "lease", n, request }));
    if (answer.verb !== "leased") throw unexpected(answer);
    return { token: answer.token, expiresInMs: answer.expiresInMs };
  }

  async close(): Promise<void> {
    this.#events = undefined;
    await this.#link.close();
  }

  #handle(message: HostMessage): void {
    if (message.verb === "welcome") this.#welcomed(message.isDurable);
    else if (message.verb === "due") this.#events?.onDue(message.dueAt);
    else if (message.verb === "free") this.#events?.onFree();
    else if (message.verb === "refused") this.#link.refuse(message, schedulesRefused(message.reason));
    else this.#link.answer(message);
  }

  #welcomed(isDurable: boolean): void {
    this.isDurable = isDurable;
    this.#link.greeted();
    this.#events?.onFree();
  }
}

function unexpected({ verb }: Answer): Error {
  return new Error(`unexpected answer ${verb}`);
}
