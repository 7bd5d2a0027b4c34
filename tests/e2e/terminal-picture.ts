// biome-ignore lint/suspicious/noControlCharactersInRegex: these control a terminal
const pieces = /\u001b\[[0-9;?]*[A-Za-z]|[\s\S]/gu;

/**
 * The screen of a terminal with this many columns after these bytes: its rows, without colours and without empty rows at
 * the end. Supports what a line editor uses: text that wraps, CR, LF, cursor movements and clearing. Anything else is an
 * error.
 */
export function terminalPicture(bytes: string, columns: number): readonly string[] {
  const picture = new Picture(columns);
  for (const [piece] of bytes.matchAll(pieces)) picture.take(piece);
  return picture.rows();
}

class Picture {
  readonly #columns: number;
  readonly #cells: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  rows(): readonly string[] {
    return this.#cells
      .map((cells) =>
        Array.from(cells, (cell) => cell ?? " ")
          .join("")
          .trimEnd(),
      )
      .join("\n")
      .trimEnd()
      .split("\n");
  }

  take(piece: string): void {
    if (piece === "\r") this.#column = 0;
    else if (piece === "\n") this.#row++;
    else if (piece === "\u0007") return;
    else if (piece.startsWith("\u001b")) this.#obey(piece);
    else this.#write(piece);
  }

  #write(character: string): void {
    if (this.#column === this.#columns) {
      this.#column = 0;
      this.#row++;
    }
    this.#line(this.#row)[this.#column++] = character;
  }

  #obey(sequence: string): void {
    const command = sequence.at(-1);
    const number = Number(sequence.slice(2, -1).replace("?", "") || Number.NaN);
    const count = Number.isNaN(number) ? 1 : number;
    if (command === "A") this.#row = Math.max(0, this.#row - count);
    else if (command === "B") this.#row += count;
    else if (command === "C") this.#column = Math.min(this.#columns - 1, this.#column + count);
    else if (command === "D") this.#column = Math.max(0, this.#column - count);
    else if (command === "H" && Number.isNaN(number)) [this.#row, this.#column] = [0, 0];
    else if (command === "G") this.#column = count - 1;
    else if (command === "J") this.#clear(true);
    else if (command === "K") this.#clear(false);
    else if (command !== "m" && command !== "h" && command !== "l")
      throw new Error(`unsupported control sequence: ${JSON.stringify(sequence)}`);
  }

  #clear(isAllBelow: boolean): void {
    this.#line(this.#row).length = Math.min(this.#line(this.#row).length, this.#column);
    if (isAllBelow) this.#cells.length = this.#row + 1;
  }

  #line(row: number): string[] {
    while (this.#cells.length <= row) this.#cells.push([]);
    return this.#cells[row] ?? [];
  }
}
