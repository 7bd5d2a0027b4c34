import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Publication } from "../../../protocol/publication.ts";
import type { FieldReader } from "../../lib/link/field-reader.ts";
import type { Frame } from "../../lib/link/frame.ts";
import type { Link } from "../../lib/link/link.ts";
import type { Broker, ChannelDirectory, Published } from "../broker.ts";
import { costOf } from "../cost-of.ts";
import type { HistoryRules } from "../log.ts";
import type { Audience } from "./audience.ts";
import { type Answer, type HostNotification, parseQuestion, type Question, toRefusal } from "./messages.ts";
import { readPublish, writeDelivery, writeOwn, writeReceipt } from "./publication-fields.ts";

/** The size of a part of history, by `costOf`: large enough to be cheap, small enough that deliveries pass in between. */
const partBytes = 256 * 1024;

/** The dependencies of a hosted worker. */
export interface HostedWorkerDependencies {
  readonly link: Link;
  readonly broker: Broker & ChannelDirectory;
  readonly audience: Audience<HostedWorker>;
}

type HistoryQuestion = Extract<Question, { verb: "history" }>;

/** One worker at the host: answers its questions in order, and tracks the channels that it listens to. */
export class HostedWorker {
  readonly #link: Link;
  readonly #broker: Broker & ChannelDirectory;
  readonly #audience: Audience<HostedWorker>;
  readonly #channels = new Set<ChannelName>();
  /** Histories are answered one by one: a thousand at once would exceed the limit of bytes queued for a worker. */
  #histories: Promise<void> = Promise.resolve();
  #isGone = false;
  /** The broker is storing a draft of this worker. */
  #isPublishing = false;
  /** Publications that it delivered meanwhile. */
  #own: Publication | undefined;
  /** The rules of its last draft. */
  #rules: HistoryRules | undefined;

  constructor({ link, broker, audience }: HostedWorkerDependencies) {
    this.#link = link;
    this.#broker = broker;
    this.#audience = audience;
  }

  get name(): string {
    return this.#link.peer;
  }

  /** Handles a question that arrived as text. */
  handleQuestion(text: string): void {
    const question = parseQuestion(text);
    switch (question.verb) {
      case "unlisten":
        this.#unlisten(question.channel);
        break;
      case "history":
        this.#histories = this.#histories.then(() => this.#settle(question.n, this.#sendHistory(question)));
        break;
      default:
        void this.#settle(question.n, this.#answer(question));
    }
  }

  /** Stores a draft. Hot path. */
  publish(fields: FieldReader): void {
    const { n, draft, rules } = readPublish(fields, this.#rules);
    this.#rules = rules;
    this.#isPublishing = true;
    const published = this.#broker.publish(draft, rules);
    this.#isPublishing = false;
    const own = this.#own;
    this.#own = undefined;
    if (!(published instanceof Promise)) {
      this.#answerPublished(n, published, draft.channel, own);
      return;
    }
    if (own !== undefined) this.deliver(own); // delivered at once, and answered later
    published.then(
      (it) => this.#answerPublished(n, it, draft.channel),
      (error: unknown) => this.#refuse(n, error),
    );
  }

  send(notification: HostNotification): void {
    this.#link.send(JSON.stringify(notification));
  }

  /** Sends a delivery of a channel that the worker listens to. Hot path. */
  deliver(publication: Publication): void {
    const fields = this.#link.fields();
    if (fields === undefined) return;
    writeDelivery(fields, publication);
    this.#link.sendFields();
  }

  /** The same for a delivery that is encoded for several workers. */
  deliverFrame(frame: Frame): void {
    this.#link.sendFrame(frame);
  }

  /** Whether this worker is publishing it. Then the answer replaces the delivery. */
  isPublishing(publication: Publication): boolean {
    if (!this.#isPublishing) return false;
    this.#own = publication;
    return true;
  }

  /** Writes queued frames, then closes the link. */
  close(): Promise<void> {
    return this.#link.close();
  }

  cut(reason: string): void {
    this.#link.cut(reason);
  }

  /** The link has ended: removes the worker from all channels. */
  leave(): void {
    this.#isGone = true;
    for (const channel of this.#channels) this.#unlisten(channel);
  }

  #answerPublished(n: number, published: Published, channel: ChannelName, own?: Publication): void {
    const fields = this.#link.fields();
    if (fields === undefined) return;
    const listeners = this.#audience.of(channel).size;
    if (own === undefined) writeReceipt(fields, n, published, listeners);
    else writeOwn(fields, n, own, listeners);
    this.#link.sendFields();
  }

  async #answer(question: Exclude<Question, { verb: "unlisten" | "history" }>): Promise<void> {
    const { n } = question;
    switch (question.verb) {
      case "listen": {
        const top = await this.#listen(question.channel, question.publisher ?? undefined);
        this.#send({ verb: "tops", n, tops: [[question.channel, top]] });
        break;
      }
      case "listen-again":
        // Listening works even if the top cannot be read now. The worker compares the tops later anyway.
        await Promise.allSettled(question.channels.map((channel) => this.#listen(channel)));
        this.#send({ verb: "done", n });
        break;
      case "tops": {
        const seen = question.seen === null ? undefined : new Map(question.seen);
        const tops = Array.from(await this.#broker.tops(question.channels, seen));
        this.#send({ verb: "tops", n, tops });
        break;
      }
      case "summary": {
        const summary = (await this.#broker.summary(question.channel)) ?? null;
        this.#send({ verb: "summary", n, summary });
        break;
      }
      case "list": {
        const { prefix, after, limit } = question;
        this.#send({ verb: "list", n, summaries: await this.#broker.list(prefix, after, limit) });
        break;
      }
    }
  }

  /** Listens first and reads the top second, so that no publication is missed in between. */
  #listen(channel: ChannelName, publisher?: string) {
    this.#channels.add(channel);
    this.#audience.add(channel, this);
    return this.#broker.listen(channel, publisher);
  }

  #unlisten(channel: ChannelName): void {
    this.#channels.delete(channel);
    if (!this.#audience.remove(channel, this)) return;
    this.#broker.unlisten(channel).catch((error: unknown) => {
      logger().warning("Could not stop listening to a channel: {error}", { error });
    });
  }

  async #sendHistory({ n, channel, since, limit, maxBytes, publisher }: HistoryQuestion): Promise<void> {
    if (this.#isGone) return;
    const options = { limit, maxBytes, publisher: publisher ?? undefined };
    const { top, gap, publications } = await this.#broker.history(channel, since, options);
    const parts = partsOf(publications);
    for (const part of parts.slice(0, -1)) {
      await this.#link.room();
      if (this.#isGone) return;
      this.#send({ verb: "history-part", n, publications: part });
    }
    await this.#link.room();
    this.#send({ verb: "history", n, top, gap: gap ?? null, publications: parts.at(-1) ?? [] });
  }

  /** Never rejects: an error becomes the answer. */
  async #settle(n: number, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#refuse(n, error);
    }
  }

  #refuse(n: number, error: unknown): void {
    if (!(error instanceof ServiceError))
      logger().error("A request of {name} failed: {error}", { name: this.name, error });
    const refusal = error instanceof ServiceError ? error : new ServiceError("internal", "internal server error");
    this.#send({ verb: "refused", n, ...toRefusal(refusal) });
  }

  #send(answer: Answer): void {
    this.#link.send(JSON.stringify(answer));
  }
}

/** Splits publications into parts of about `partBytes`, in order. */
function partsOf(publications: readonly Publication[]): readonly (readonly Publication[])[] {
  const parts: Publication[][] = [];
  let bytes = partBytes;
  for (const publication of publications) {
    if (bytes >= partBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(publication);
    bytes += costOf(publication);
  }
  return parts;
}

function logger() {
  return getLogger(["fanfare", "broker"]);
}
