/** The content of a `.env` file. */
export interface Dotenv {
  /** If a name occurs several times, the last one wins. */
  readonly values: ReadonlyMap<string, string>;
  /** The invalid lines, by number. Their text is not included, because it may be a secret. */
  readonly problems: readonly string[];
}

/**
 * Parses a `.env` file: `NAME=value` or `NAME = value`, optionally with `export` before it, and `#` for comments. `'…'` is
 * literal; in `"…"` the escapes `\n`, `\r`, `\t`, `\"` and `\\` have their usual meaning. Quoted values may span several
 * lines. Without quotes, a comment begins at a `#` after white space. Variables are not expanded (`$HOME` stays), so that a
 * password may contain a `$`.
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
      problems.push(`line ${index + 1}: the value of ${name} has no closing quote, or text after it`);
      continue;
    }
    values.set(name, read.value);
    index += read.lines;
  }
  return { values, problems };
}

/** An unquoted value ends at the first `#` that is at its start or after white space. */
function bare(rest: string): string {
  for (let at = rest.indexOf("#"); at >= 0; at = rest.indexOf("#", at + 1)) {
    if (at === 0 || /\s/.test(rest.charAt(at - 1))) return rest.slice(0, at).trim();
  }
  return rest.trim();
}

/** Linear even if a quote is never closed. @param following the lines after this one */
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

/** The index of the closing quote on the line. In `"…"` a backslash escapes the next character. */
function endOfQuote(line: string, sign: string): number | undefined {
  for (let at = 0; at < line.length; at++) {
    if (line.charAt(at) === sign) return at;
    if (sign === '"' && line.charAt(at) === "\\") at++;
  }
  return undefined;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };

/** An unknown escape is kept with its backslash, for Windows paths. */
function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (both, sign: string) => escapes[sign] ?? both);
}
