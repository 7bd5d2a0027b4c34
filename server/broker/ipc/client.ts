import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import { systemClock } from "../../lib/clock.ts";
import type { FieldReader } from "../../lib/link/field-reader.ts";
import type { LinkEnd, LinkSettings } from "../../lib/link/link.ts";
import { SteadyLink } from "../../lib/link/steady-link.ts";
import type { Broker, BrokerEvents, ChannelDirectory, Published } from "../broker.ts";
import { costOf } from "../cost-of.ts";
import type { ChannelSummary, History, HistoryRules, ReadOptions } from "../log.ts";
import { unavailable } from "../unavailable.ts";
import { type DraftInFlight, DraftsInFlight } from "./drafts-in-flight.ts";
import { Hold } from "./hold.ts";
import { type Answer, hostUnavailable, ipcProtocol, parseAnswer, type Question, topsOf } from "./messages.ts";
import { readFromHost } from "./publication-fields.ts";
import { Questions } from "./questions.ts";

/** How long to wait for the host at start, in milliseconds: longer than detecting a hung host takes. */
const startMs = 15_000;
/** Channels per request after a reconnect: a larger request would block the host for others. */
const listenSlice = 2000;

/** Settings of an IPC broker. */
export interface IpcBrokerOptions {
  /** The socket path of the host. */
  readonly path: string;
  /** The name of this worker, for the host's log: `worker 3`. */
  readonly name: string;
  /**
   * The host is gone: its socket is closed, it hangs, or it has another version. Called once per loss; the callee logs it.
   * The broker keeps reconnecting, unless the version differs.
   */
  readonly onHostGone?: (reason: string) => void;
  readonly link?: Pick<LinkSettings, "maxQueuedBytes" | "beatMs" | "maxSilentBeats" | "clock">;
}

/**
 * The broker of a worker whose log is held by another process of this machine, the `IpcHost`.
 *
 * When the connection breaks, requests in flight are refused with "broker-unavailable": a draft may or may not be stored, and
 * the publisher retries with the same id. After a reconnect the broker listens to all channels again before it calls
 * `onBreak`, so that a comparison of tops after `onBreak` finds everything that was missed.
 */
export class IpcBroker implements Broker, ChannelDirectory {
  readonly #options: IpcBrokerOptions;
  readonly #steady: SteadyLink;
  readonly #questions = new Questions();
  readonly #drafts = new DraftsInFlight(this.#questions, (publication) => this.#deliver(publication));
  readonly #listened = new Set<ChannelName>();
  readonly #started = Promise.withResolvers<void>();
  #events: BrokerEvents | undefined;
  #closing: Promise<void> | undefined;
  #isHostHealthy = false;
  /** Whether the current host knows all listened channels. */
  #isListening = false;
  /** The health that was last reported. */
  #healthy: boolean | undefined;
  #wasConnected = false;
  #isLossReported = false;
  readonly #hold: Hold;

  constructor(options: IpcBrokerOptions) {
    this.#options = options;
    this.#hold = new Hold(options.link?.clock ?? systemClock, () => this.#reportHealth());
    this.#steady = new SteadyLink(
      { ...options.link, path: options.path, protocol: ipcProtocol, name: options.name },
      {
        onOpen: () => void this.#listenAgain(),
        onText: (text) => this.#take(text),
        onFields: (fields) => this.#takeFields(fields),
        onBreak: (end) => this.#broke(end),
        onFailure: (end) => this.#failed(end),
      },
    );
  }

  /** @throws Error if the host does not answer in time, or uses another version. */
  async start(events: BrokerEvents): Promise<void> {
    this.#events = events;
    const { link: { clock = systemClock } = {}, path } = this.#options;
    const late = new Error(`the supervisor did not answer on ${path} within ${startMs / 1000} s`);
    const timeout = clock.setTimeout(() => this.#started.reject(late), startMs);
    this.#steady.start();
    try {
      await this.#started.promise;
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      timeout.cancel();
    }
  }

  publish(draft: Draft, rules: HistoryRules): Promise<Published> {
    const it = { draft, rules, bytes: costOf(draft) };
    if (!this.#drafts.reserve(it.bytes, this.#steady.link?.queuedBytes ?? 0)) {
      return Promise.reject(unavailable("too many publications are waiting to be stored"));
    }
    return this.#hold.isOn ? this.#hold.run(() => this.#publishNow(it)) : this.#publishNow(it);
  }

  #publishNow(it: DraftInFlight): Promise<Published> {
    const { link } = this.#steady;
    if (link !== undefined && this.#closing === undefined) return this.#drafts.send(it, link);
    this.#drafts.release(it.bytes);
    return Promise.reject(this.#notConnected());
  }

  async listen(channel: ChannelName, publisher?: string): Promise<Position> {
    this.#listened.add(channel);
    const tops = await this.#ask((n) => ({ verb: "listen", n, channel, publisher: publisher ?? null }), topsOf);
    const top = tops.get(channel);
    if (top === undefined) throw new Error(`the host returned no position for ${channel}`);
    return top;
  }

  async unlisten(channel: ChannelName): Promise<void> {
    // Needs no answer: deliveries in flight are dropped here, and the host handles later requests after this one.
    if (this.#listened.delete(channel)) this.#send({ verb: "unlisten", channel });
  }

  history(channel: ChannelName, since: Since, { limit, maxBytes, publisher }: ReadOptions): Promise<History> {
    const parts: Publication[][] = [];
    return this.#ask(
      (n) => ({ verb: "history", n, channel, since, limit, maxBytes, publisher: publisher ?? null }),
      (answer) => {
        if (answer.verb !== "history" && answer.verb !== "history-part") return undefined;
        parts.push([...answer.publications]);
        if (answer.verb === "history-part") return undefined;
        return { top: answer.top, gap: answer.gap ?? undefined, publications: parts.flat() };
      },
    );
  }

  tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    const positions = seen === undefined ? null : Array.from(seen);
    return this.#ask((n) => ({ verb: "tops", n, channels, seen: positions }), topsOf);
  }

  async summary(channel: ChannelName): Promise<ChannelSummary | undefined> {
    const summary = await this.#ask(
      (n) => ({ verb: "summary", n, channel }),
      (answer) => (answer.verb === "summary" ? { its: answer.summary } : undefined),
    );
    return summary.its ?? undefined;
  }

  list(prefix: string, after: string, limit: number): Promise<readonly ChannelSummary[]> {
    return this.#ask(
      (n) => ({ verb: "list", n, prefix, after, limit }),
      (answer) => (answer.verb === "list" ? answer.summaries : undefined),
    );
  }

  /**
   * Queues further requests until this broker listens at another host, or the time has elapsed. Resolves once none is in flight.
   */
  hold(ms: number): Promise<void> {
    this.#hold.start(ms);
    return this.#questions.idle();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#questions.idle();
    this.#listened.clear();
    await this.#steady.close();
  }

  /** Rejects at once if the host is not connected. While it is being replaced, requests wait. */
  #ask<T>(make: (n: number) => Question, read: (answer: Answer) => T | undefined): Promise<T> {
    return this.#hold.run(() => this.#askNow(make, read));
  }

  #askNow<T>(make: (n: number) => Question, read: (answer: Answer) => T | undefined): Promise<T> {
    if (this.#steady.link === undefined || this.#closing !== undefined) return Promise.reject(this.#notConnected());
    return this.#questions.ask((n) => this.#send(make(n)), read);
  }

  #notConnected(): Error {
    return hostUnavailable(
      this.#closing === undefined ? "the supervisor is not connected" : "the server is shutting down",
    );
  }

  #send(question: Question): void {
    this.#steady.link?.send(JSON.stringify(question));
  }

  /** Hot path. */
  #takeFields(fields: FieldReader): void {
    const it = readFromHost(fields);
    if (it.verb !== "publication") this.#questions.take(it);
    else this.#deliver(it.publication);
  }

  #take(text: string): void {
    const it = parseAnswer(text);
    switch (it.verb) {
      case "health":
        this.#isHostHealthy = it.healthy;
        this.#reportHealth();
        break;
      case "break":
        this.#events?.onBreak();
        break;
      case "reset":
        if (this.#listened.has(it.channel)) this.#events?.onReset(it.channel, it.top);
        break;
      default:
        this.#questions.take(it);
    }
  }

  #deliver(publication: Publication): void {
    if (!this.#listened.has(publication.channel)) return;
    try {
      this.#events?.onPublication(publication);
    } catch (error) {
      // A bug in the receiver must not break the connection; the comparison of tops fetches missed publications.
      logger().error("A publication could not be delivered: {error}", { error });
    }
  }

  /** Called for each new link. The host sends its health first, so it is known when this is done. */
  async #listenAgain(): Promise<void> {
    const channels = Array.from(this.#listened);
    const slices = Array.from({ length: Math.ceil(channels.length / listenSlice) || 1 }, (_, at) =>
      channels.slice(at * listenSlice, (at + 1) * listenSlice),
    );
    const { link } = this.#steady;
    try {
      for (const slice of slices) {
        await this.#askNow(
          // Without channels unlistened in the meantime: the host would never stop sending them.
          (n) => ({ verb: "listen-again", n, channels: slice.filter((it) => this.#listened.has(it)) }),
          (answer) => (answer.verb === "done" ? true : undefined),
        );
      }
    } catch {
      return; // the link broke, or this broker is closing; the next link starts over
    }
    if (this.#steady.link !== link) return;
    this.#isListening = true;
    this.#isLossReported = false;
    this.#hold.release();
    this.#reportHealth();
    this.#started.resolve();
    if (this.#wasConnected) this.#events?.onBreak();
    this.#wasConnected = true;
  }

  #broke({ reason, cause }: LinkEnd): void {
    this.#isListening = false;
    this.#questions.fail(() => hostUnavailable(`the connection to the supervisor broke: ${reason}`));
    if (this.#closing !== undefined || this.#hold.isOn) return;
    if (cause === undefined) logger().warning("The connection to the supervisor broke: {reason}.", { reason });
    else logger().error("The connection to the supervisor broke: {cause}", { cause });
    this.#reportHealth();
  }

  #failed({ reason, isRefusal }: LinkEnd): void {
    if (this.#wasConnected && !this.#isLossReported && !this.#hold.isOn) {
      this.#isLossReported = true;
      if (this.#options.onHostGone === undefined)
        logger().error("The supervisor is not reachable: {reason}.", { reason });
      else this.#options.onHostGone(reason);
    }
    if (isRefusal)
      this.#started.reject(
        new Error(`the supervisor refused the connection: ${reason}; restart the server with all its workers`),
      );
  }

  #reportHealth(): void {
    const healthy = this.#isListening && this.#isHostHealthy;
    if (healthy === this.#healthy || this.#closing !== undefined || this.#hold.isOn) return;
    // Nothing to report before the first connection.
    if (this.#healthy === undefined && !this.#isListening) return;
    this.#healthy = healthy;
    this.#events?.onHealth(healthy);
  }
}

function logger() {
  return getLogger(["fanfare", "broker"]);
}
