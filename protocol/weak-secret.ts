/**
 * Fewer pieces than this can be guessed. A random key of 16 hexadecimal digits has fewer different ones in one of 30 000
 * cases.
 */
const minPieces = 6;
/** A shorter run also occurs in random text. */
const minRun = 4;

/** The words of examples, and of keyboard rows. Longer ones first. */
const words =
  /passw[o0]r[dt]|passphrase|production|qwertyuiop|asdfghjkl|signature|backend|default|example|fanfare|letmein|private|signing|welcome|zxcvbnm|qwerty|qwertz|random|secret|server|asdfgh|string|admin|dummy|hello|super|token|value|auth|demo|test|user|api|jwt|key/g;

/**
 * Placeholders in documentation and examples. A secret that contains one is public, even with other characters around it.
 */
const placeholder =
  /change[-_ ]?(?:it|me|this)|replace[-_ ]?(?:it|me|this|with)|insert[-_ ]?(?:your|here)|place-?holder|your[-_ ]?(?:256|api|jwt|key|own|private|random|secret|server|shared|signing|strong|super|token|very)|(?:key|password|secret|token|value)[-_ ]?(?:goes[-_ ]?)?here|256[-_ ]?bits?/;

/** RFC 7518 §3.2: a key for HS256 is at least as long as the hash. */
const minJwtBytes = 32;

/** The problem with the secret that signs tokens (`JWT_SECRET`), and how to fix it, without the secret. Undefined: none. */
export function jwtSecretFault(secret: string): string | undefined {
  const hint = "make one with `openssl rand -base64 48`";
  const { length } = new TextEncoder().encode(secret);
  if (length < minJwtBytes) return `expected at least ${minJwtBytes} bytes, got ${length}; ${hint}`;
  const weakness = weaknessOf(secret);
  return weakness && `expected a random secret, got ${weakness}; ${hint}`;
}

/**
 * Why a secret is easy to guess, as the end of a sentence that does not contain it: a placeholder, few different
 * characters, a repeated part, or nothing but runs and well-known words (`password12345678`). Undefined for others, which
 * may still not be random.
 * @param secret text, or bytes as latin1
 */
export function weaknessOf(secret: string): string | undefined {
  const text = secret.toLowerCase();
  if (placeholder.test(text)) return "a placeholder from an example";
  const distinct = new Set(text).size;
  if (distinct < minPieces) return `fewer than ${minPieces} different characters`;
  const period = periodOf(text);
  if (period * 2 <= text.length) return `${period} characters that are repeated`;
  const pieces = piecesOf(text);
  if (pieces >= minPieces) return undefined;
  return "only well-known words and consecutive characters, such as 12345678";
}

/**
 * The length of the shortest part whose repetition gives the text; the last one may be cut. Linear (Knuth, Morris, Pratt).
 */
function periodOf(text: string): number {
  const borders = new Uint32Array(text.length); // the longest part that begins and ends text.slice(0, at + 1)
  for (let at = 1, length = 0; at < text.length; at++) {
    while (length > 0 && text[at] !== text[length]) length = borders[length - 1] ?? 0;
    if (text[at] === text[length]) length++;
    borders[at] = length;
  }
  return text.length - (borders.at(-1) ?? 0);
}

/** A word or a run counts as one character. Separators between them do not count. */
function piecesOf(text: string): number {
  const parts = text.replaceAll(/[-_. ]/g, "").split(words);
  return parts.reduce((sum, part, index) => sum + (index === 0 ? 0 : 1) + piecesBetweenWords(part), 0);
}

function piecesBetweenWords(text: string): number {
  let pieces = 0;
  for (let at = 0; at < text.length; ) {
    const length = Math.max(runAt(text, at, 0), runAt(text, at, 1), runAt(text, at, -1));
    at += length >= minRun ? length : 1;
    pieces++;
  }
  return pieces;
}

/** How many characters from here on go up or down by one, or stay the same. */
function runAt(text: string, start: number, step: -1 | 0 | 1): number {
  let end = start + 1;
  while (end < text.length && isStep(text.charCodeAt(end - 1), text.charCodeAt(end), step)) end++;
  return end - start;
}

function isStep(from: number, to: number, step: -1 | 0 | 1): boolean {
  if (step === -1) return isStep(to, from, 1);
  return to - from === step || (step === 1 && circles.includes(String.fromCharCode(from, to)));
}

/** `90` in 1234567890, `9a` in hexadecimal digits, and `za`. */
const circles: readonly string[] = ["90", "9a", "za"];
