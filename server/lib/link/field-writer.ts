/** Encodes the fields of one frame, in order. `FieldReader` reads them in the same order, with the same kinds of fields. */
export interface FieldWriter {
  /** Any number, exactly. */
  number(value: number): void;
  text(text: string): void;
  /** Several texts, for `FieldReader.texts` and `ownTexts`. */
  texts(texts: readonly string[]): void;
}
