/** A part of the server that reads untrusted text. */
export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs to begin with. */
  readonly seeds: readonly string[];
  /** Words of the format, which mutations insert. */
  readonly words: readonly string[];
  /**
   * Feeds one input.
   * @returns the kind of answer, without anything that came from the input: `invalid-field channel: expected …`
   * @throws Error if a property is broken
   */
  run(input: string): string | Promise<string>;
  close?(): Promise<void>;
}

/** An answer without quoted text and numbers, so that answers of one kind are equal. */
export function kindOf(text: string): string {
  return text
    .replace(/(JSON Parse error:(?: [A-Za-z]+){0,2}).*/s, "$1")
    .replaceAll(/"(?:[^"\\]|\\.)*"?/g, '"…"')
    .replaceAll(/'[^']*'?/g, "'…'")
    .replaceAll(/\d+/g, "0")
    .slice(0, 120);
}

/** @throws Error that says which property is broken */
export function must(isTrue: boolean, property: string): void {
  if (!isTrue) throw new Error(`broken: ${property}`);
}
