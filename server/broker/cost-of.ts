import { withoutEscapes } from "../../protocol/json-text.ts";
import type { Body, Draft, Labels, Publication } from "../../protocol/publication.ts";
import { textBytes } from "../lib/own-text.ts";

/**
 * The cost of one publication in memory, in bytes: all its texts and the objects around them. Every limit on kept or waiting
 * publications uses it. A draft costs as much as its publication.
 *
 * costOf({ channel: "a", message: "hi" }) -> 250 + (64 + 1) + (64 + 2) + (64 + 36) = 481
 */
export function costOf(publication: Draft | Publication): number {
  const { channel, id, message, data, event, sender, key, headers, excludeConnectionId } = publication;
  let cost = objectBytes + textBytes(channel) + (id === undefined ? generatedIdBytes : textBytes(id));
  if (message !== undefined) cost += textBytes(message);
  if (data !== undefined) cost += textBytes(data);
  if (event !== undefined) cost += textBytes(event);
  if (sender !== undefined) cost += textBytes(sender);
  if (key !== undefined) cost += textBytes(key);
  if (excludeConnectionId !== undefined) cost += textBytes(excludeConnectionId);
  if (headers !== undefined) cost += headersCost(headers);
  return cost;
}

/**
 * The size that `MAX_MESSAGE_BYTES` limits: message, data and headers in UTF-8, however the JSON of `data` was
 * escaped. So the limit does not depend on the publisher's JSON encoder.
 */
export function publishedBytesOf(draft: Body & Labels): number {
  return bytesOf(draft.data === undefined ? draft : { ...draft, data: withoutEscapes(draft.data) });
}

/** Whether a draft is larger than this by `publishedBytesOf`. Counts only if it may be: a character has at most three bytes. */
export function exceeds(draft: Body & Labels, maxBytes: number): boolean {
  const { message, data, headers } = draft;
  const characters = (message?.length ?? 0) + (data?.length ?? 0);
  return (headers !== undefined || 3 * characters > maxBytes) && publishedBytesOf(draft) > maxBytes;
}

/** Bytes of message, data and headers as they are stored and sent. The other fields have their own limits. */
export function bytesOf({ message, data, headers }: Body & Labels): number {
  let bytes =
    (message === undefined ? 0 : Buffer.byteLength(message)) + (data === undefined ? 0 : Buffer.byteLength(data));
  for (const name in headers) bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? "");
  return bytes;
}

/** The cost of a known channel without publications, bytes of memory. */
export function channelCost(name: string): number {
  return channelBytes + textBytes(name);
}

/** The cost of a remembered id, bytes of memory. @param key See `idKey`. */
export function idCost(key: string): number {
  return idBytes + textBytes(key);
}

function headersCost(headers: Readonly<Record<string, string>>): number {
  let cost = headersBytes;
  for (const name in headers) cost += headerBytes + textBytes(name) + textBytes(headers[name] ?? "");
  return cost;
}

/**
 * The object with its numbers, its slot in a ring, and the memory that the garbage collector leaves free: measured as 140 to
 * 250 with up to a million publications (bench/memory).
 */
const objectBytes = 250;
/** A UUID. */
const generatedIdBytes = 64 + 36;
/** In the engine, an object with property names of its own has its own hidden class. */
const headersBytes = 300;
const headerBytes = 150;
/** Its object with an epoch, and its entries in a map and in an order of use: measured as 290 to 410 with its name. */
const channelBytes = 350;
/** Entries in a map and in a ring, and two small objects: measured as 240 to 260 with a short key. */
const idBytes = 180;
