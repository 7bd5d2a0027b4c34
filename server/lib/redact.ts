/** Replaces secrets. */
export const redacted = "[secret]";

/**
 * Removes secrets from a text before it is logged: the given ones, and whatever looks like a token, a key or a password: a
 * JWT, what follows `Bearer`, `token=` or `X-API-Key:`, and the password in a URL. Nothing logs them on purpose, but an error
 * may quote the URL it could not reach, and a client may send its token in the wrong field.
 *
 * @param secrets the secrets of this server; those shorter than 8 characters are ignored, because they could be parts of words
 */
export function makeRedactor(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret.length >= 8);
  return (text) => {
    let clean = text;
    for (const secret of known) clean = clean.replaceAll(secret, redacted);
    for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement);
    return clean;
  };
}

/** Whether a value with this name is a secret, whatever it looks like. */
export function isSecretName(name: string): boolean {
  return /^(x[-_]?)?(access[-_]?|jwt[-_]?)?(token|authorization|api[-_]?keys?|secret|password|cookie)$/i.test(name);
}

/** Each pattern is anchored and bounded, so that no text makes it slow. */
const patterns: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*/g, redacted],
  [/\b(Bearer|Basic) +[\w.~+/=-]{8,}/gi, `$1 ${redacted}`],
  [/([?&;](?:access_|api_)?(?:token|key|secret|password)=)[^&\s"'#]+/gi, `$1${redacted}`],
  [/(\bx-api-key["']?[:=] ?["']?)[^\s"',;]+/gi, `$1${redacted}`],
  [/(\bfanfare\.token\.)[^\s,"']+/g, `$1${redacted}`],
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,200}:)[^\s/@]{1,500}@/gi, `$1${redacted}@`],
];
