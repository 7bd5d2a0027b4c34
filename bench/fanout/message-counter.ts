/** Each message frame begins with this, whether it is alone, in an array, or after `data: `. */
const beginning = Buffer.from('{"type":"message"');
const brace = 0x7b;

/** Counts the messages in the bytes of one connection, in any chunks. A hot path: it reads every delivered byte. */
export class MessageCounter {
  /** How much of `beginning` was at the end of the last chunk. */
  #matched = 0;

  /** The number of messages whose beginning this chunk completes. */
  count(piece: Buffer): number {
    let count = 0;
    let at = 0;
    if (this.#matched > 0) {
      while (at < piece.length && this.#matched < beginning.length && piece[at] === beginning[this.#matched]) {
        at++;
        this.#matched++;
      }
      if (this.#matched === beginning.length) count++;
      else if (at === piece.length) return 0;
      this.#matched = 0;
    }
    for (let found = piece.indexOf(beginning, at); found !== -1; found = piece.indexOf(beginning, at)) {
      count++;
      at = found + beginning.length;
    }
    this.#matched = matchedAtEnd(piece, at);
    return count;
  }
}

/** The length of the longest prefix of `beginning` at the end of the chunk. `beginning` has a brace only at its start. */
function matchedAtEnd(piece: Buffer, from: number): number {
  const start = piece.lastIndexOf(brace);
  const length = piece.length - start;
  if (start < from || length >= beginning.length) return 0;
  return piece.compare(beginning, 0, length, start) === 0 ? length : 0;
}
