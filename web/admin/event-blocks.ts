/** One event of an event stream. */
export interface EventBlock {
  readonly event: string;
  readonly data: string;
}

/** Splits the text of an event stream, which arrives in pieces, into its events. The server ends lines with `\n`. */
export class EventBlocks {
  #rest = "";

  /** @returns the events that this piece completes */
  add(piece: string): readonly EventBlock[] {
    const blocks = (this.#rest + piece).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map(parse).filter(({ data }) => data !== "");
  }
}

function parse(block: string): EventBlock {
  const lines = block.split("\n");
  const textOf = (field: string) =>
    lines
      .filter((it) => it.startsWith(`${field}:`))
      .map((it) => it.slice(field.length + 1).trimStart())
      .join("\n");
  return { event: textOf("event") || "message", data: textOf("data") };
}
