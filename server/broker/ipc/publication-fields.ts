import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import type { FieldReader } from "../../lib/link/field-reader.ts";
import type { FieldWriter } from "../../lib/link/field-writer.ts";
import type { Published } from "../broker.ts";
import type { Place } from "../ledger/ledger.ts";
import type { HistoryRules } from "../log.ts";
import { otherFields } from "../other-fields.ts";

/** A draft for the host, with the number of the request. */
export interface PublishQuestion {
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
 * The messages of each publication are fields in a fixed order, which are written into the bytes for the socket and read from
 * them. Lines of text took 0.6 µs more CPU time per publication, as much as the socket (bench/ipc), most of it for making and
 * decoding texts.
 *
 *     draft           receipt         own delivery    delivery
 *                     1               2               3               kind
 *     1000            1000            1000                            number of the request
 *     100             17              17              17              offset, or the history rules
 *     300000          2               2                               listeners, -1 for a duplicate
 *     1048576                         1764345600123   1764345600123   timestamp
 *                     k3x9            k3x9            k3x9            epoch
 *     news                                            news            channel
 *     order-42        order-42        order-42        order-42        id
 *                                                                     other fields as JSON
 *     {"order":42}                                    {"order":42}    data
 *     Hello                                           Hello           message
 *
 * An empty text is one that is not there. The body of a draft and of a delivery, from the id to the end, is one group of texts.
 */
const kinds = { receipt: 1, own: 2, delivery: 3 } as const;

export function writePublish(to: FieldWriter, n: number, draft: Draft, rules: HistoryRules): void {
  to.number(n);
  to.number(rules.historySize);
  to.number(rules.historyTtl);
  to.number(rules.historyBytes);
  to.text(draft.channel);
  to.texts(bodyOf(draft));
}

/** @param last the rules of the last draft, which are returned again if they are the same */
export function readPublish(from: FieldReader, last?: HistoryRules): PublishQuestion {
  const n = from.number();
  const rules = readRules(from, last);
  const channel = from.knownText() as ChannelName;
  // Copies, because they are kept for longer than each other.
  return { n, draft: withBody({ channel }, from.ownTexts(bodyTexts)), rules };
}

/** @param listeners as counted by the host, because its own broker counts only the host */
export function writeReceipt(
  to: FieldWriter,
  n: number,
  { id, position, duplicate }: Published,
  listeners: number,
): void {
  to.number(kinds.receipt);
  to.number(n);
  to.number(position?.offset ?? 0);
  to.number(duplicate ? -1 : listeners);
  to.text(position?.epoch ?? "");
  to.text(id);
}

export function writeOwn(to: FieldWriter, n: number, { id, epoch, offset, timestamp }: Place, listeners: number): void {
  to.number(kinds.own);
  to.number(n);
  to.number(offset);
  to.number(listeners);
  to.number(timestamp);
  to.text(epoch);
  to.text(id);
}

export function writeDelivery(to: FieldWriter, publication: Publication): void {
  to.number(kinds.delivery);
  to.number(publication.offset);
  to.number(publication.timestamp);
  to.text(publication.epoch);
  to.text(publication.channel);
  to.texts(bodyOf(publication));
}

/** Reads messages of the host. */
export function readFromHost(from: FieldReader): Receipt | OwnDelivery | Delivery {
  const kind = from.number();
  if (kind === kinds.delivery) return readDelivery(from);
  return kind === kinds.own ? readOwn(from) : readReceipt(from);
}

function readReceipt(from: FieldReader): Receipt {
  const n = from.number();
  const offset = from.number();
  const counted = from.number();
  const epoch = from.knownText();
  const position = epoch === "" ? undefined : { epoch, offset };
  const listeners = counted < 0 ? undefined : counted;
  return { verb: "published", n, published: { id: from.text(), position, duplicate: counted < 0, listeners } };
}

function readOwn(from: FieldReader): OwnDelivery {
  const n = from.number();
  const offset = from.number();
  const listeners = from.number();
  const timestamp = from.number();
  const epoch = from.knownText();
  return { verb: "own", n, place: { id: from.text(), epoch, offset, timestamp }, listeners };
}

/**
 * The texts of the publication's body are views of one text, which may take twice the memory if one of them has a wide
 * character. In a worker, publications that are kept are counted twice anyway; see `Push`.
 */
function readDelivery(from: FieldReader): Delivery {
  const offset = from.number();
  const timestamp = from.number();
  const epoch = from.knownText();
  const channel = from.knownText() as ChannelName;
  const publication = withBody({ channel, id: "", epoch, offset, timestamp }, from.texts(bodyTexts));
  return { verb: "publication", publication };
}

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

const bodyTexts = 4;

function bodyOf(it: Draft | Publication): readonly string[] {
  const { id = "", data = "" } = it;
  // UTF-8 has no halves of surrogate pairs, and JSON has escapes for them.
  const message = it.message?.isWellFormed() ? it.message : "";
  return [id, otherFields(it, message), data, message];
}

function withBody<T extends Writable<Draft>>(it: T, [id = "", others, data, message]: readonly string[]): T {
  if (id !== "") it.id = id;
  if (data) it.data = data;
  if (message) it.message = message;
  if (others) Object.assign(it, JSON.parse(others));
  return it;
}

function readRules(from: FieldReader, last: HistoryRules | undefined): HistoryRules {
  const historySize = from.number();
  const historyTtl = from.number();
  const historyBytes = from.number();
  const isLast =
    last?.historySize === historySize && last.historyTtl === historyTtl && last.historyBytes === historyBytes;
  return isLast ? last : { historySize, historyTtl, historyBytes };
}
