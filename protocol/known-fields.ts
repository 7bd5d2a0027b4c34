/**
 * How a field is parsed. `text`: any JSON, which stays text, because it is passed on unchanged (`data`). `list`: an array of
 * texts. `value`: everything else. Known fields: an object with these fields.
 */
type FieldKind = "text" | "list" | "value" | KnownFields;

const kinds: ReadonlyMap<string, FieldKind> = new Map([
  ["data", "text"],
  ["channels", "list"],
  ["user_ids", "list"],
]);

/** The fields that a JSON object may have. */
export class KnownFields {
  /** The fields whose values are objects with known fields. */
  readonly inner: ReadonlyMap<string, KnownFields>;
  readonly #byLength: { readonly name: string; readonly kind: FieldKind }[][] = [];

  constructor(names: readonly string[], inner: ReadonlyMap<string, KnownFields> = new Map()) {
    this.inner = inner;
    for (const name of new Set(names)) {
      const kind = inner.get(name) ?? kinds.get(name) ?? "value";
      this.#byLength[name.length] ??= [];
      this.#byLength[name.length]?.push({ name, kind });
    }
  }

  /** The field with this name, which is a part of a text. Without a copy of the name, this takes a quarter of the time. */
  find(text: string, start: number, end: number): { readonly name: string; readonly kind: FieldKind } | undefined {
    const candidates = this.#byLength[end - start];
    if (candidates !== undefined) for (const it of candidates) if (text.startsWith(it.name, start)) return it;
    return undefined;
  }
}
