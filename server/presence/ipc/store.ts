import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { RequestLink } from "../../lib/link/request-link.ts";
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

export interface IpcPresenceOptions {
  /** The socket path of the host. */
  readonly path: string;
  /** For the host's log: `worker 2`. */
  readonly name: string;
}

/** The presences of one machine's workers, kept by the supervisor's `PresenceHost`. */
export class IpcPresence implements PresenceStore {
  readonly #owner = randomId(9);
  readonly #link: RequestLink<WorkerMessage, Answer>;
  #events: PresenceStoreEvents | undefined;
  #hasStarted = false;

  constructor({ path, name }: IpcPresenceOptions) {
    const host = "the presence host";
    this.#link = new RequestLink(
      { path, protocol: presenceProtocol, name, ...presencePulse, host, makeError: presenceUnavailable },
      {
        onOpen: () => this.#link.send({ verb: "hello", owner: this.#owner, returns: this.#hasStarted }),
        onMessage: (message) => this.#handle(message as HostMessage),
        onFault: (cause) => {
          const text = "A message of the presence host could not be handled: {cause}";
          getLogger(["fanfare", "presence"]).error(text, { cause });
        },
      },
    );
  }

  /** @throws Error if the host does not answer in time, or uses another version */
  start(events: PresenceStoreEvents): Promise<void> {
    this.#events = events;
    return this.#link.start();
  }

  async apply(channel: ChannelName, changes: readonly PresenceChange[], size: number): Promise<readonly string[]> {
    const answer = await this.#link.ask((n) => ({ verb: "apply", n, channel, changes, size }));
    if (answer.verb !== "done") throw new Error(`unexpected answer ${answer.verb}`);
    const { update, unlisted } = answer;
    if (update !== undefined) queueMicrotask(() => this.#events?.onCaused(channel, update));
    return unlisted;
  }

  async watch(channel: ChannelName): Promise<PresencePosition> {
    const answer = await this.#link.ask((n) => ({ verb: "watch", n, channel }));
    if (answer.verb !== "position") throw new Error(`unexpected answer ${answer.verb}`);
    return answer.position;
  }

  unwatch(channel: ChannelName): void {
    if (this.#link.isGreeted) this.#link.send({ verb: "unwatch", channel });
  }

  async read(channel: ChannelName, page: PresencePageRequest): Promise<PresencePage> {
    const answer = await this.#link.ask((n) => ({ verb: "read", n, channel, page }));
    if (answer.verb === "incomplete") throw presenceUnavailable("it is being collected again", answer.forMs);
    if (answer.verb !== "page") throw new Error(`unexpected answer ${answer.verb}`);
    return answer.page;
  }

  async close(): Promise<void> {
    this.#events = undefined;
    await this.#link.close();
  }

  #handle(message: HostMessage): void {
    if (message.verb === "welcome") this.#welcomed(message.isKnown);
    else if (message.verb === "check") this.#events?.onBreak();
    else if (message.verb === "events") this.#events?.onEvents(message.channel, message.update);
    else if (message.verb === "caused") this.#events?.onCaused(message.channel, message.update);
    else this.#link.answer(message);
  }

  #welcomed(isKnown: boolean): void {
    const isReturn = this.#hasStarted;
    this.#hasStarted = true;
    this.#link.greeted();
    if (!isReturn) return;
    // First the presences, so that the positions that are asked for next include them.
    if (!isKnown) this.#events?.onLost();
    this.#events?.onBreak();
  }
}
