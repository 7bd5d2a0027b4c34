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

/** Without quotes: up to the first `#` that has white space, or nothing, before it. */
function bare(rest: string): string {
  for (let at = rest.indexOf("#"); at >= 0; at = rest.indexOf("#", at + 1)) {
    if (at === 0 || /\s/.test(rest.charAt(at - 1))) return rest.slice(0, at).trim();
  }
  return rest.trim();
}

/** Looks at each character once, however many lines an unclosed quote runs over. @param following The lines after this one. */
function readQuoted(first: string, following: readonly string[]): { value: string; lines: number } | undefined {
  const sign = first.charAt(0);
  const inside: string[] = [];
  for (let lines = 0, line: string | undefined = first.slice(1); line !== undefined; line = following[lines++]) {
    const end = endOfQuote(line, sign);
    inside.push(end === undefined ? line : line.slice(0, end));
    if (end === undefined) continue;
    if (!/^\s*(?:#|$)/.test(line.slice(end + 1))) return undefined;
    const value = inside.join("\n");
    return { value: sign === "'" ? value : unescaped(value), lines };
  }
  return undefined;
}

/** Where the closing quote is on the line. In `"…"` a backslash takes the next character with it. */
function endOfQuote(line: string, sign: string): number | undefined {
  for (let at = 0; at < line.length; at++) {
    if (line.charAt(at) === sign) return at;
    if (sign === '"' && line.charAt(at) === "\\") at++;
  }
  return undefined;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };

/** A sign that means nothing special stays with its backslash, as in Windows paths. */
function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (both, sign: string) => escapes[sign] ?? both);
}
