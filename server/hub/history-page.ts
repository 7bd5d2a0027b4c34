import { bytesOf } from "../broker/cost-of.ts";
import type { History } from "../broker/log.ts";

/**
 * The bytes of text in one history answer, whatever `limit` says; the client asks for the rest with the next position. Far
 * below the write limit of a connection, so that other frames still find room behind it on a slow line.
 */
const maxAnswerBytes = 256 * 1024;
/** How much is read for one answer, by `costOf`: a thousand small publications. */
export const maxReadBytes = 1024 * 1024;
/** Bytes of one publication in an answer besides its body: names of fields, position, timestamp. */
const answerOverhead = 150;

/** A page cut to a size that can be sent, with at least one publication, and about how many bytes it is on the wire. */
export function cutPage(history: History): { readonly history: History; readonly bytes: number } {
  const { publications } = history;
  let bytes = 0;
  let count = 0;
  for (const publication of publications) {
    const size = bytesOf(publication);
    if (count > 0 && bytes + size > maxAnswerBytes) break;
    bytes += size;
    count++;
  }
  const page = count === publications.length ? history : { ...history, publications: publications.slice(0, count) };
  return { history: page, bytes: bytes + count * answerOverhead };
}
