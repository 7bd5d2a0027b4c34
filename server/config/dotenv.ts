/** What stands in a `.env` file. */
export interface Dotenv {
  /** The last mention of a name wins. */
  readonly values: ReadonlyMap<string, string>;
  /** Lines that could not be read, by number, without their text: it may be a secret. */
  readonly problems: readonly string[];
}

/**
 * Reads the text of a `.env` file: `NAME=value` or `NAME = value`, with `export` before it or not, `#` for comments.
 * `'…'` is taken as it stands; in `"…"` the signs `\n`, `\r`, `\t`, `\"` and `\\` mean what they usually do; both may
 * go over several lines. Without quotes a comment begins at a `#` with white space before it. Nothing is expanded
 * (`$HOME` stays), so that a password with a `$` in it stays what it is.
 */
export function parseDotenv(text: string): Dotenv {
  const values = new Map<string, string>();
  const problems: string[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = (lines[index] ?? "").trim();
    if (line === "" || line.startsWith("#")) continue;
    const [, name = "", rest = ""] = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name === "") {
      problems.push(`line ${index + 1}: expected NAME=value`);
      continue;
    }
    const read = /^["']/.test(rest) ? readQuoted(rest, lines.slice(index + 1)) : { value: bare(rest), lines: 0 };
    if (read === undefined) {
      problems.push(`line ${index + 1}: the quote of ${name} does not end, or something follows it`);
      continue;
    }
    values.set(name, read.value);
    index += read.lines;
  }
  return { values, problems };
}

function bare(rest: string): string {
  return rest.replace(/(^|\s)#.*$/, "").trim();
}

/** @param following The lines behind this one. */
function readQuoted(first: string, following: readonly string[]): { value: string; lines: number } | undefined {
  const whole = first[0] === "'" ? /^'([^']*)'\s*(?:#.*)?$/ : /^"((?:[^"\\]|\\[\s\S])*)"\s*(?:#.*)?$/;
  let text = first;
  for (let lines = 0; ; lines++) {
    const inner = whole.exec(text)?.[1];
    if (inner !== undefined) return { value: first[0] === "'" ? inner : unescaped(inner), lines };
    const next = following[lines];
    if (next === undefined) return undefined;
    text += `\n${next}`;
  }
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };

/** A sign that means nothing special stays with its backslash, as in Windows paths. */
function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (both, sign: string) => escapes[sign] ?? both);
}
