/** How the user writes the fields of a request: the option `--every` for `every_s`, or the argument `text` for `message`. */
export type FieldNames = ReadonlyMap<string, string>;

/**
 * The server's error message with the names of the command's options, because the user has written those and not the
 * fields: `publish: every_s: expected at least jitter_s, got 1` becomes `--every: expected at least --jitter, got 1`. The
 * given value (`got …`) stays as it is.
 */
export function withOptionNames(detail: string, names: FieldNames): string {
  const gotAt = detail.indexOf(", got ");
  const rule = gotAt < 0 ? detail : detail.slice(0, gotAt);
  const named = rule
    .replace(/^(?:publish: )?([a-z_]{1,60}): /, (whole, field: string) =>
      names.has(field) ? `${names.get(field)}: ` : whole,
    )
    // A field of one word, such as `at`, may be a word of the sentence.
    .replace(/\b[a-z]{1,30}_[a-z_]{1,30}\b/g, (field) => names.get(field) ?? field);
  return `${named}${detail.slice(rule.length)}`;
}
