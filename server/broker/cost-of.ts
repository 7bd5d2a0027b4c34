import { withoutEscapes } from "../../protocol/json-text.ts";
import type { Body, Draft, Labels, Publication } from "../../protocol/publication.ts";
import { textBytes } from "../lib/own-text.ts";

/**
 * What one publication costs while it is kept, in bytes of memory: all its texts and the objects around them. Every bound
 * on kept or waiting publications counts with it. A draft costs what its publication will.
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
 * What a publisher's limit counts (`MAX_MESSAGE_BYTES`): message, data and headers in UTF-8, however the JSON of `data` was
 * escaped. Every publisher that sends the same has the same limit then, whatever its JSON encoder does.
 */
export function publishedBytesOf(draft: Body & Labels): number {
  return bytesOf(draft.data === undefined ? draft : { ...draft, data: withoutEscapes(draft.data) });
}

/** Bytes of message, data and headers as they are stored and sent. The rest has limits of its own. */
export function bytesOf({ message, data, headers }: Body & Labels): number {
  let bytes =
    (message === undefined ? 0 : Buffer.byteLength(message)) + (data === undefined ? 0 : Buffer.byteLength(data));
  for (const name in headers) bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? "");
  return bytes;
}

/** What a known channel costs while it keeps nothing, bytes of memory. */
export function channelCost(name: string): number {
  return channelBytes + textBytes(name);
}

/** What a remembered id costs, bytes of memory. @param key See `idKey`. */
export function idCost(key: string): number {
  return idBytes + textBytes(key);
}

function headersCost(headers: Readonly<Record<string, string>>): number {
  let cost = headersBytes;
  for (const name in headers) cost += headerBytes + textBytes(name) + textBytes(headers[name] ?? "");
  return cost;
}

/**
 * The object with its numbers, its place in a ring, and the room that the garbage collector leaves free: 140 to 250 measured
 * with up to a million publications (bench/memory).
 */
const objectBytes = 250;
/** A UUID. */
const generatedIdBytes = 64 + 36;
/** An object whose names differ from all others has a description of its own in the engine. */
const headersBytes = 300;
const headerBytes = 150;
/** Its record with an epoch, its place in a map and in an order of use: 290 to 410 with its name measured. */
const channelBytes = 350;
/** A place in a map and in a ring, and two small objects: 240 to 260 with a short key measured. */
const idBytes = 180;
