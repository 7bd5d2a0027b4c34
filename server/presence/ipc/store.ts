import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import type { LinkEnd } from "../../lib/link/link.ts";
import { SteadyLink } from "../../lib/link/steady-link.ts";
import { randomId } from "../../lib/random-id.ts";
import type {
  PresenceChange,
  PresencePage,
  PresencePageRequest,
  PresencePosition,
  PresenceStore,
  PresenceStoreEvents,
} from "../presence-store.ts";
import { presenceUnavailable } from "../unavailable.ts";
import { type Answer, type HostMessage, presenceProtocol, presencePulse, type WorkerMessage } from "./messages.ts";

/** How long to wait for the host at start. */
const startMs = 15_000;

export interface IpcPresenceOptions {
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

/** The presences of one machine's workers, kept by the supervisor's `PresenceHost`. */
export class IpcPresence implements PresenceStore {
  readonly #owner = randomId(9);
  readonly #steady: SteadyLink;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #started = Promise.withResolvers<void>();
  #events: PresenceStoreEvents | undefined;
  #hasStarted = false;
  #isWelcome = false;
  #last = 0;

  constructor({ path, name, clock = systemClock }: IpcPresenceOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#steady = new SteadyLink(
      { path, protocol: presenceProtocol, name, ...presencePulse },
      {
        onOpen: () => this.#send({ verb: "hello", owner: this.#owner, returns: this.#hasStarted }),
        onText: (text) => this.#handle(JSON.parse(text) as HostMessage),
        onBreak: (end) => this.#broke(end),
        onFailure: ({ reason, isRefusal }) => isRefusal && this.#started.reject(new Error(reason)),
      },
    );
  }

  /** @throws Error if the host does not answer in time, or uses another version */
  async start(events: PresenceStoreEvents): Promise<void> {
    this.#events = events;
    this.#steady.start();
    const late = new Error(`the presence host did not answer on ${this.#path} within ${startMs / 1000} s`);
    const timer = this.#clock.setTimeout(() => this.#started.reject(late), startMs);
    await this.#started.promise.finally(() => timer.cancel());
  }

  async apply(channel: ChannelName, changes: readonly PresenceChange[]): Promise<void> {
    const answer = await this.#ask((n) => ({ verb: "apply", n, channel, changes }));
    const update = answer.verb === "done" ? answer.update : undefined;
    if (update !== undefined) queueMicrotask(() => this.#events?.onCaused(channel, update));
  }

  async watch(channel: ChannelName): Promise<PresencePosition> {
    const answer = await this.#ask((n) => ({ verb: "watch", n, channel }));
    if (answer.verb !== "position") throw new Error(`unexpected answer ${answer.verb}`);
    return answer.position;
  }

  unwatch(channel: ChannelName): void {
    if (this.#isWelcome) this.#send({ verb: "unwatch", channel });
  }

  async read(channel: ChannelName, page: PresencePageRequest): Promise<PresencePage> {
    const answer = await this.#ask((n) => ({ verb: "read", n, channel, page }));
    if (answer.verb === "incomplete") throw presenceUnavailable("it is being collected again", answer.forMs);
    if (answer.verb !== "page") throw new Error(`unexpected answer ${answer.verb}`);
    return answer.page;
  }

  async close(): Promise<void> {
    this.#events = undefined;
    await this.#steady.close();
    this.#rejectAll("the worker stops");
  }

  #ask(message: (n: number) => WorkerMessage): Promise<Answer> {
    if (!this.#isWelcome) return Promise.reject(presenceUnavailable("the supervisor is not connected"));
    const n = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(n, { resolve, reject });
      this.#send(message(n));
    });
  }

  #handle(message: HostMessage): void {
    if (message.verb === "welcome") this.#welcomed(message.isKnown);
    else if (message.verb === "check") this.#events?.onBreak();
    else if (message.verb === "events") this.#events?.onEvents(message.channel, message.update);
    else if (message.verb === "caused") this.#events?.onCaused(message.channel, message.update);
    else {
      const waiting = this.#waiting.get(message.n);
      this.#waiting.delete(message.n);
      waiting?.resolve(message);
    }
  }

  #welcomed(isKnown: boolean): void {
    const isReturn = this.#hasStarted;
    this.#isWelcome = true;
    this.#hasStarted = true;
    this.#started.resolve();
    if (!isReturn) return;
    // First the presences, so that the positions that are asked for next include them.
    if (!isKnown) this.#events?.onLost();
    this.#events?.onBreak();
  }

  #broke({ reason, cause }: LinkEnd): void {
    if (cause !== undefined) {
      getLogger(["fanfare", "presence"]).error("A message of the presence host could not be handled: {cause}", {
        cause,
      });
    }
    this.#isWelcome = false;
    this.#rejectAll(reason);
  }

  #rejectAll(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(presenceUnavailable(reason));
    this.#waiting.clear();
  }

  #send(message: WorkerMessage): void {
    this.#steady.link?.send(JSON.stringify(message));
  }
}
