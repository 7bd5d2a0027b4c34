import { getLogger } from "@logtape/logtape";
import { type Clock, systemClock } from "../../lib/clock.ts";
import type { LinkEnd } from "../../lib/link/link.ts";
import { SteadyLink } from "../../lib/link/steady-link.ts";
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
import { schedulesUnavailable } from "../unavailable.ts";
import { type Answer, type HostMessage, scheduleProtocol, type WorkerMessage } from "./messages.ts";

/** How long to wait for the host at start. */
const startMs = 15_000;
/** Sooner than by default: a worker that hangs must not publish minutes later what it has queued for the supervisor. */
const pulse = { beatMs: 2000, maxSilentBeats: 3 };

export interface IpcScheduleStoreOptions {
  /** The socket path of the host. */
  readonly path: string;
  /** For the host's log: `worker 2`. */
  readonly name: string;
  readonly clock?: Clock;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** The schedules of one machine's workers, kept by the supervisor's `ScheduleHost`. */
export class IpcScheduleStore implements ScheduleStore {
  isDurable = false;
  readonly #steady: SteadyLink;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #started = Promise.withResolvers<void>();
  #events: ScheduleStoreEvents | undefined;
  #isWelcome = false;
  #last = 0;

  constructor({ path, name, clock = systemClock }: IpcScheduleStoreOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#steady = new SteadyLink(
      { path, protocol: scheduleProtocol, name, ...pulse },
      {
        onOpen: () => undefined,
        onText: (text) => this.#handle(JSON.parse(text) as HostMessage),
        onBreak: (end) => this.#broke(end),
        onFailure: ({ reason, isRefusal }) => isRefusal && this.#started.reject(new Error(reason)),
      },
    );
  }

  /** @throws Error if the host does not answer in time, or uses another version */
  async start(events: ScheduleStoreEvents): Promise<void> {
    this.#events = events;
    this.#steady.start();
    const late = new Error(`the host of the schedules did not answer on ${this.#path} within ${startMs / 1000} s`);
    const timer = this.#clock.setTimeout(() => this.#started.reject(late), startMs);
    await this.#started.promise.finally(() => timer.cancel());
  }

  async read(query: RecordQuery): Promise<RecordPage> {
    const answer = await this.#ask((n) => ({ verb: "read", n, query }));
    if (answer.verb !== "page") throw unexpected(answer);
    return answer.page;
  }

  async write(writes: readonly RecordWrite[], token?: number): Promise<readonly WriteOutcome[]> {
    const answer = await this.#ask((n) => ({ verb: "write", n, writes, ...(token === undefined ? {} : { token }) }));
    if (answer.verb !== "outcomes") throw unexpected(answer);
    return answer.outcomes;
  }

  async lease(request: LeaseRequest): Promise<Lease> {
    const answer = await this.#ask((n) => ({ verb: "lease", n, request }));
    if (answer.verb !== "leased") throw unexpected(answer);
    return { token: answer.token, expiresInMs: answer.expiresInMs };
  }

  async close(): Promise<void> {
    this.#events = undefined;
    await this.#steady.close();
    this.#rejectAll("the worker stops");
  }

  #ask(message: (n: number) => WorkerMessage): Promise<Answer> {
    if (!this.#isWelcome) return Promise.reject(schedulesUnavailable("the supervisor is not connected"));
    const n = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(n, { resolve, reject });
      this.#steady.link?.send(JSON.stringify(message(n)));
    });
  }

  #handle(message: HostMessage): void {
    if (message.verb === "welcome") this.#welcomed(message.isDurable);
    else if (message.verb === "due") this.#events?.onDue(message.dueAt);
    else if (message.verb === "free") this.#events?.onFree();
    else {
      const waiting = this.#waiting.get(message.n);
      this.#waiting.delete(message.n);
      if (message.verb === "refused") waiting?.reject(schedulesUnavailable(message.reason));
      else waiting?.resolve(message);
    }
  }

  #welcomed(isDurable: boolean): void {
    this.isDurable = isDurable;
    this.#isWelcome = true;
    this.#started.resolve();
    this.#events?.onFree();
  }

  #broke({ reason, cause }: LinkEnd): void {
    if (cause !== undefined) {
      const text = "A message of the host of the schedules could not be handled: {cause}";
      getLogger(["fanfare", "schedule"]).error(text, { cause });
    }
    this.#isWelcome = false;
    this.#rejectAll(reason);
  }

  #rejectAll(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(schedulesUnavailable(reason));
    this.#waiting.clear();
  }
}

function unexpected({ verb }: Answer): Error {
  return new Error(`unexpected answer ${verb}`);
}
