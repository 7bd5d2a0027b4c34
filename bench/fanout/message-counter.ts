/** Each message frame begins with this, alone, in an array, or behind `data: `. */
const beginning = Buffer.from('{"type":"message"');
const brace = 0x7b;

/** Counts the messages in one connection's bytes, in whatever pieces they come. Hot: it sees every byte that is delivered. */
export class MessageCounter {
  /** How much of `beginning` the last piece ended with. */
  #matched = 0;

  /** How many messages begin, counted where the beginning is complete. */
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

/** The length of the longest start of `beginning` that the piece ends with. A brace stands only at its start. */
function matchedAtEnd(piece: Buffer, from: number): number {
  const start = piece.lastIndexOf(brace);
  const length = piece.length - start;
  if (start < from || length >= beginning.length) return 0;
  return piece.compare(beginning, 0, length, start) === 0 ? length : 0;
}
