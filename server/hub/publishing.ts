import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Body, Draft, Labels } from "../../protocol/publication.ts";
import type { Broker, Published } from "../broker/broker.ts";
import type { HistoryRules } from "../broker/log.ts";
import { ownDraft } from "../broker/own-draft.ts";
import type { Moment } from "../lib/clock.ts";
import type { MemoryGuard } from "../limits/memory-guard.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { checkSize } from "./check-size.ts";
import { logPublished } from "./log-published.ts";

/** Dependencies of publishing. */
export interface PublishingParts {
  readonly broker: Pick<Broker, "publish" | "copiesTexts">;
  readonly historyRules: (channel: ChannelName) => HistoryRules;
  /** The name of a channel that is listened to. */
  readonly knownName: (channel: ChannelName) => ChannelName | undefined;
  readonly maxMessageBytes: number;
  readonly memory: Pick<MemoryGuard, "check"> | undefined;
  /** Undefined if nothing is traced. */
  readonly tracing: Pick<Tracing, "publish"> | undefined;
  /** Called when a draft is stored or sent for the first time. Must not throw. */
  readonly onPublished: ((draft: Draft, published: Published) => void) | undefined;
}

/** Checks drafts that are published in this worker, passes them to the broker, and counts them. */
export class Publishing {
  /** Publications being stored. */
  inFlight = 0;
  /** Publications that were stored or delivered. A plain addition, read by the metrics scraper. */
  count = 0;
  readonly #parts: PublishingParts;

  constructor(parts: PublishingParts) {
    this.#parts = parts;
  }

  /** @throws ServiceError "too-large" */
  checkSize(draft: Body & Labels): void {
    checkSize(draft, this.#parts.maxMessageBytes);
  }

  /**
   * Synchronous if the broker is.
   * @param moment the current time, for a caller that publishes many drafts in one turn
   * @throws ServiceError "too-large"; rejects with what the broker rejects with
   */
  publish(draft: Draft, moment?: Moment): Published | Promise<Published> {
    const { memory, tracing } = this.#parts;
    memory?.check(moment?.monotonic);
    this.checkSize(draft);
    return tracing === undefined ? this.#store(draft, moment) : tracing.publish(draft, this.#store);
  }

  readonly #store = (draft: Draft, moment?: Moment): Published | Promise<Published> => {
    const { broker, historyRules, knownName } = this.#parts;
    const { channel } = draft;
    const own = broker.copiesTexts === true ? draft : ownDraft(draft, knownName(channel));
    const published = broker.publish(own, historyRules(channel), moment);
    return published instanceof Promise ? this.#awaitPublished(draft, published) : this.#counted(draft, published);
  };

  async #awaitPublished(draft: Draft, publishing: Promise<Published>): Promise<Published> {
    this.inFlight++;
    try {
      return this.#counted(draft, await publishing);
    } finally {
      this.inFlight--;
    }
  }

  #counted(draft: Draft, published: Published): Published {
    if (!published.duplicate) {
      this.count++;
      this.#parts.onPublished?.(draft, published);
    }
    logPublished(draft, published);
    return published;
  }
}
