import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import type { Published } from "../broker.ts";
import type { Place } from "../ledger/ledger.ts";
import type { HistoryRules } from "../log.ts";
import { ownDraft } from "../own-draft.ts";

/** A draft for the host, with the number of the request. */
export interface PublishQuestion {
  readonly verb: "publish";
  readonly n: number;
  readonly draft: Draft;
  readonly rules: HistoryRules;
}

/** The host's answer to it. */
export interface Receipt {
  readonly verb: "published";
  readonly n: number;
  readonly published: Published;
}

/** Receipt and delivery in one, for a worker that listens to its own publication: it has the draft, and needs only its place. */
export interface OwnDelivery {
  readonly verb: "own";
  readonly n: number;
  readonly place: Place;
  readonly listeners: number;
}

/** A publication for a worker that listens to its channel. */
export interface Delivery {
  readonly verb: "publication";
  readonly publication: Publication;
}

/**
 * The messages of each publication are lines in a fixed order, which take less time than JSON does (bench/ipc: a delivery 0.33
 * instead of 0.55 µs of CPU time):
 *
 *     draft           receipt         own delivery    delivery
 *     P1              R1              O1              D17             a letter that begins no JSON, and a number
 *     1000            17              17              1764345600123   the history rules, or the position and time
 *     300000          k3x9            1764345600123   k3x9
 *     1048576         2               k3x9                            listeners
 *                                     2                               `duplicate`, or nothing
 *     news                                            news            channel
 *     order-42        order-42        order-42        order-42        id, or nothing
 *                                                                     other fields as JSON, or nothing
 *     {"order":42}                                    {"order":42}    data, or nothing
 *     Hello                                           Hello           message to the end, line breaks included; or no line
 */
const letters = { publish: "P", receipt: "R", own: "O", delivery: "D" } as const;

export function formatPublish(n: number, draft: Draft, rules: HistoryRules): string {
  const { historySize, historyTtl, historyBytes } = rules;
  return `${letters.publish}${n}\n${historySize}\n${historyTtl}\n${historyBytes}\n${bodyLines(draft)}`;
}

export function parsePublish(text: string): PublishQuestion | undefined {
  if (!text.startsWith(letters.publish)) return undefined;
  const lines = new Lines(text);
  const n = lines.number();
  const rules = { historySize: lines.number(), historyTtl: lines.number(), historyBytes: lines.number() };
  const draft: Writable<Draft> = { channel: lines.next() as ChannelName };
  readBody(draft, lines);
  return { verb: "publish", n, draft: ownDraft(draft), rules }; // kept for longer than the text that it came in
}

/** @param listeners as counted by the host, because its own broker counts only the host */
export function formatReceipt(n: number, { id, position, duplicate }: Published, listeners: number): string {
  const place = position === undefined ? "\n" : `${position.offset}\n${position.epoch}`;
  return `${letters.receipt}${n}\n${place}\n${duplicate ? "\nduplicate" : `${listeners}\n`}\n${id}`;
}

export function parseReceipt(text: string): Receipt | undefined {
  if (!text.startsWith(letters.receipt)) return undefined;
  const lines = new Lines(text);
  const n = lines.number();
  const offset = lines.number();
  const epoch = lines.next();
  const position = epoch === "" ? undefined : { epoch, offset };
  const counted = lines.next();
  const listeners = counted === "" ? undefined : Number(counted);
  const duplicate = lines.next() !== "";
  return { verb: "published", n, published: { id: lines.next(), position, duplicate, listeners } };
}

export function formatOwn(n: number, { id, epoch, offset, timestamp }: Place, listeners: number): string {
  return `${letters.own}${n}\n${offset}\n${timestamp}\n${epoch}\n${listeners}\n${id}`;
}

export function parseOwn(text: string): OwnDelivery | undefined {
  if (!text.startsWith(letters.own)) return undefined;
  const lines = new Lines(text);
  const n = lines.number();
  const offset = lines.number();
  const timestamp = lines.number();
  const epoch = lines.next();
  const listeners = lines.number();
  return { verb: "own", n, place: { id: lines.next(), epoch, offset, timestamp }, listeners };
}

export function formatDelivery(publication: Publication): string {
  const { offset, timestamp, epoch } = publication;
  return `${letters.delivery}${offset}\n${timestamp}\n${epoch}\n${bodyLines(publication)}`;
}

/**
 * The publication's texts are views of this one, which may take twice the memory if one of them has a wide character. What
 * keeps publications in a worker counts them twice anyway; see `Push`.
 */
export function parseDelivery(text: string): Delivery | undefined {
  if (!text.startsWith(letters.delivery)) return undefined;
  const lines = new Lines(text);
  const offset = lines.number();
  const timestamp = lines.number();
  const epoch = lines.next();
  const publication: Writable<Publication> = { channel: lines.next() as ChannelName, id: "", epoch, offset, timestamp };
  readBody(publication, lines);
  return { verb: "publication", publication };
}

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

/** The fields with lines of their own. All others are JSON, so a new field cannot be forgotten. */
const lineFields: ReadonlySet<string> = new Set([
  "channel",
  "id",
  "data",
  "message",
  "offset",
  "timestamp",
  "epoch",
] satisfies (keyof Publication)[]);

function bodyLines(it: Draft | Publication): string {
  const { channel, id = "", data = "", message } = it;
  const others = othersOf(it);
  const lines = `${channel}\n${id}\n${others}\n${data}`;
  return message === undefined || !message.isWellFormed() ? lines : `${lines}\n${message}`;
}

function othersOf(it: Draft | Publication): string {
  let others: Record<string, unknown> | undefined;
  for (const name in it) {
    if (lineFields.has(name)) continue;
    others ??= {};
    others[name] = it[name as keyof typeof it];
  }
  // UTF-8 has no halves of surrogate pairs, and JSON has escapes for them.
  if (it.message?.isWellFormed() === false) others = { ...others, message: it.message };
  return others === undefined ? "" : JSON.stringify(others);
}

function readBody(it: Writable<Draft>, lines: Lines): void {
  const id = lines.next();
  const others = lines.next();
  const data = lines.next();
  const message = lines.rest();
  if (id !== "") it.id = id;
  if (data !== "") it.data = data;
  if (message !== undefined) it.message = message;
  if (others !== "") Object.assign(it, JSON.parse(others));
}

const zero = "0".charCodeAt(0);
const lineBreak = "\n".charCodeAt(0) - zero;

/** Reads lines one after the other. They are views of the text, and keep it in memory. */
class Lines {
  readonly #text: string;
  /** After the letter. */
  #at = 1;

  constructor(text: string) {
    this.#text = text;
  }

  next(): string {
    const from = this.#at;
    const end = this.#text.indexOf("\n", from);
    if (end < 0) {
      this.#at = this.#text.length + 1;
      return this.#text.slice(from);
    }
    this.#at = end + 1;
    return this.#text.slice(from, end);
  }

  /** Reads digits without making a text of them. */
  number(): number {
    const from = this.#at;
    let value = 0;
    for (let at = from; at < this.#text.length; at++) {
      const digit = this.#text.charCodeAt(at) - zero;
      if (digit === lineBreak) {
        this.#at = at + 1;
        return value;
      }
      if (digit < 0 || digit > 9) break;
      value = 10 * value + digit;
    }
    return Number(this.next());
  }

  /** Everything after the last line that was read; undefined if that was the end of the text. */
  rest(): string | undefined {
    return this.#at > this.#text.length ? undefined : this.#text.slice(this.#at);
  }
}
