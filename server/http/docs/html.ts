/** A piece of HTML, made by `html`. Any other value inserted into HTML is escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value that can be inserted into HTML; undefined inserts nothing. */
export type Piece = Html | string | number | undefined | readonly Piece[];

/** html`<p>${text}</p>`: texts are escaped, pieces of HTML are not, and lists are concatenated. */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  let text = parts[0] ?? "";
  for (const [index, piece] of pieces.entries()) text += written(piece) + (parts[index + 1] ?? "");
  return new Html(text);
}

/** Converts paragraphs separated by empty lines, and `code` in backticks. Descriptions use no other markup. */
export function prose(text: string | undefined): Piece {
  return text?.split(/\n\n+/).map((paragraph) => html`<p>${inline(paragraph)}</p>`);
}

export function inline(text: string): Piece {
  return text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}

function written(piece: Piece): string {
  if (piece === undefined) return "";
  if (piece instanceof Html) return piece.text;
  if (typeof piece === "string" || typeof piece === "number") return escaped(String(piece));
  return piece.map(written).join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
