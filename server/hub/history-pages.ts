import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Since } from "../../protocol/position.ts";
import { bytesOf, costOf } from "../broker/cost-of.ts";
import type { History } from "../broker/log.ts";
import type { ReadHistory } from "../delivery/shared-history.ts";
import type { Clock } from "../lib/clock.ts";
import type { Account } from "../limits/account.ts";
import type { Backlog, Holder } from "../session/backlog.ts";

/**
 * The bytes of text in one history answer, whatever `limit` says; the client asks for the rest with the next position. Far
 * below the write limit of a connection, so that other frames still find room behind it on a slow line.
 */
const maxAnswerBytes = 256 * 1024;
/** How much is read for one answer, by `costOf`: a thousand small publications. */
const maxReadBytes = 1024 * 1024;
/** Bytes of one publication in an answer besides its body: names of fields, position, timestamp. */
const answerOverhead = 150;
/** A smaller page needs no reservation. */
const smallBytes = 64 * 1024;
/** The pages of usual size that may be handed out in one turn, bytes by `costOf`. They do not wait for slow clients. */
const maxUsualBytes = 32 * 1024 * 1024;
/** Delay before a page that found no room is read again. Milliseconds. */
const retryMs = 50;
/** How long an answer waits for room before it is refused. Milliseconds. */
const timeoutMs = 10_000;
/** When a refused client should try again. Milliseconds. */
const retryAfterMs = 2000;

/** One history request. */
export interface PageRequest {
  readonly channel: ChannelName;
  readonly since: Since;
  /** The largest number of publications. */
  readonly limit: number;
  /** The client that is charged for the channel if it is new, as in `Draft`. */
  readonly publisher?: string | undefined;
}

/** A page, its memory by `costOf`, and about how many bytes it is on the wire. */
interface Page {
  readonly history: History;
  readonly cost: number;
  readonly bytes: number;
}

/**
 * Reads the pages that answer history requests. A page with a very large publication is read only while there is room for it
 * among the bytes that are buffered for all clients; otherwise its answer waits.
 */
export class HistoryPages {
  readonly #read: ReadHistory;
  readonly #backlog: Backlog;
  readonly #clock: Clock;
  /** Bytes of the pages that were handed out in this turn. */
  #reservedBytes = 0;

  constructor(read: ReadHistory, backlog: Backlog, clock: Clock) {
    this.#read = read;
    this.#backlog = backlog;
    this.#clock = clock;
  }

  /**
   * A page cut to a size that can be sent, with at least one publication. The caller encodes it in the same turn.
   * @param account is charged for the bytes
   * @throws ServiceError "rate-limited" if the account has read too much, or if there is no room for the page for too long
   */
  async read(request: PageRequest, account: Account): Promise<History> {
    account.check("answerBytes");
    const { history, bytes } = await this.#readWhenRoom(request);
    account.spend("answerBytes", bytes);
    return history;
  }

  async #readWhenRoom({ channel, since, limit, publisher }: PageRequest): Promise<Page> {
    const giveUpAt = this.#clock.monotonic() + timeoutMs;
    const options = { limit, maxBytes: maxReadBytes, publisher };
    const reservation = new Reservation();
    for (let needed = 0; ; ) {
      if (this.#hasRoomFor(needed, reservation)) {
        const page = cutPage(await this.#read(channel, since, options));
        // Others may have used the space meanwhile, such as those that waited for the same page.
        if (this.#hasRoomFor(page.cost, reservation)) {
          this.#reserve(page.cost, reservation);
          return page;
        }
        needed = page.cost;
      }
      if (this.#clock.monotonic() >= giveUpAt) {
        throw new ServiceError("rate-limited", "too many large answers are waiting for their readers", {
          retryAfterMs,
        });
      }
      await this.#clock.sleep(retryMs);
    }
  }

  #hasRoomFor(bytes: number, reservation: Reservation): boolean {
    if (bytes <= smallBytes) return true;
    if (bytes <= maxReadBytes) return this.#reservedBytes + bytes <= maxUsualBytes;
    return this.#backlog.hasRoomFor(bytes, reservation);
  }

  /** Counts the page until the end of this turn. By then its answer is encoded and counted as such. */
  #reserve(bytes: number, reservation: Reservation): void {
    if (bytes <= smallBytes) return;
    this.#reservedBytes += bytes;
    reservation.bytes = bytes;
    this.#backlog.note(reservation, bytes);
    this.#clock.setImmediate(() => {
      this.#reservedBytes -= bytes;
      reservation.bytes = 0;
      this.#backlog.note(reservation, 0);
    });
  }
}

/** A page that was read and is not encoded yet. */
class Reservation implements Holder {
  bytes = 0;

  buffered(): number {
    return this.bytes;
  }

  /** It ends with this turn in any case. */
  onStall(): void {}
}

function cutPage(history: History): Page {
  const { publications } = history;
  let bytes = 0;
  let cost = 0;
  let count = 0;
  for (const publication of publications) {
    const size = bytesOf(publication);
    if (count > 0 && bytes + size > maxAnswerBytes) break;
    bytes += size;
    cost += costOf(publication);
    count++;
  }
  const page = count === publications.length ? history : { ...history, publications: publications.slice(0, count) };
  return { history: page, cost, bytes: bytes + count * answerOverhead };
}
